//! A policy guard for the tools of a GitHub-like MCP server.
//!
//! The guard is told a policy once (`label_agent`), then labels tool calls (`label_resource`) and
//! their responses (`label_response`) with secrecy and integrity tags. What it decides is written
//! down in `../DECISIONS.md`; section numbers in comments refer to that file.
//!
//! | module | what belongs there |
//! |---|---|
//! | `abi` | the memory protocol, the two host functions, return codes |
//! | `policy` | reading and checking the policy |
//! | `labels` | levels, repositories, scopes, tags |
//! | `tools` | the table of tools |
//! | `visibility` | asking the host whether a repository is public |
//! | `json` | tolerant reading of JSON |
//! | `unwrap` | taking the MCP wrapper off a result |
//! | `shapes` | the objects found in responses, one type per kind |
//! | `agent`, `resource`, `response` | the three label functions |

mod abi;
mod agent;
mod json;
mod labels;
mod policy;
mod resource;
mod response;
mod shapes;
mod tools;
mod unwrap;
mod visibility;

use std::sync::Mutex;

use abi::Answer;
use policy::Policy;
use visibility::Visibilities;

/// What survives from one call to the next, in guest memory.
pub(crate) struct State {
    policy: Option<Policy>,
    visibilities: Visibilities,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Runs `f` on the state, which the first call creates.
fn with_state(f: impl FnOnce(&mut State) -> Answer) -> Answer {
    // A guard has one thread and panics abort, so the lock is never held or poisoned here.
    let mut slot = STATE.lock().unwrap_or_else(|stale| stale.into_inner());
    let state = slot.get_or_insert_with(|| State { policy: None, visibilities: Visibilities::new() });
    state.visibilities.begin_call();
    f(state)
}

/// Reads a policy and says what labels the agent starts with (section 2).
#[no_mangle]
pub extern "C" fn label_agent(in_ptr: u32, in_len: u32, out_ptr: u32, out_size: u32) -> i32 {
    abi::serve("label_agent", in_ptr, in_len, out_ptr, out_size, |input| with_state(|state| agent::label(state, input)))
}

/// Labels what a tool call would touch, before it is made (section 4).
#[no_mangle]
pub extern "C" fn label_resource(in_ptr: u32, in_len: u32, out_ptr: u32, out_size: u32) -> i32 {
    abi::serve("label_resource", in_ptr, in_len, out_ptr, out_size, |input| with_state(|state| resource::label(state, input)))
}

/// Labels the items of a tool's response (sections 6 to 9).
#[no_mangle]
pub extern "C" fn label_response(in_ptr: u32, in_len: u32, out_ptr: u32, out_size: u32) -> i32 {
    abi::serve("label_response", in_ptr, in_len, out_ptr, out_size, |input| with_state(|state| response::label(state, input)))
}
