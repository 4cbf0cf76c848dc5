//! `label_resource`: what a call would touch (section 4).

use serde::{Deserialize, Serialize};

use crate::abi::{log, printable, Answer, Log};
use crate::json::{self, Obj, Val};
use crate::labels::{Labels, Level, Target};
use crate::policy::Policy;
use crate::tools::{Kind, Named, Operation, Tool, ToolArgs};
use crate::visibility::Visibilities;
use crate::State;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Input {
    tool_name: Val<String>,
    tool_args: Obj<ToolArgs>,
}

#[derive(Serialize)]
struct Output {
    resource: Labels,
    operation: &'static str,
}

pub(crate) fn label(state: &mut State, input: &str) -> Answer {
    let input: Input = match json::read_object(input) {
        Some(input) => input,
        None => return Answer::BadInput,
    };
    let name = match input.tool_name.text() {
        Some(name) => name,
        None => return Answer::BadInput,
    };
    let policy = match &state.policy {
        Some(policy) => policy,
        None => return Answer::NoPolicy,
    };
    let args = input.tool_args.0.unwrap_or_default();
    let tool = Tool::find(name, &args);

    let target = tool.map_or(Target::Unknown, |tool| requested(&tool, &args, &mut state.visibilities));
    let (operation, level) = tool.map_or((Operation::ReadWrite, Level::None), |tool| (tool.operation, tool.level));
    let scope = target.scope(policy);
    let secrecy = request_secrecy(tool.as_ref(), &target, policy);
    let shown = printable(name);
    log(
        Log::Info,
        &format!(
            "label_resource: {shown} op={} repo={} level={} scope={scope} secrecy={}",
            operation.name(),
            target.name(),
            level.name(),
            secrecy.len(),
        ),
    );
    let output = Output {
        resource: Labels { description: format!("{shown} {}", target.name()), secrecy, integrity: level.tags(&scope) },
        operation: operation.name(),
    };
    serde_json::to_vec(&output).map_or(Answer::BadInput, Answer::Json)
}

/// What a call of a known tool is about, with the visibility of its repository.
pub fn requested(tool: &Tool, args: &ToolArgs, visibilities: &mut Visibilities) -> Target {
    match tool.named(args) {
        Named::Repo(repo) => visibilities.target(repo),
        Named::Unknown => Target::Unknown,
        Named::Unscoped => Target::Unscoped,
    }
}

/// The secrecy of a request; that of scanned secrets does not depend on visibility.
pub fn request_secrecy(tool: Option<&Tool>, target: &Target, policy: &Policy) -> Vec<String> {
    match tool {
        Some(tool) if tool.kind == Kind::Secret => target.forced_secrecy(policy),
        _ => target.secrecy(policy),
    }
}
