//! `label_agent`: the policy comes in, the agent's labels go out (section 2).

use serde::Serialize;

use crate::abi::{log, Answer, Log};
use crate::json;
use crate::policy::{Policy, Repos};
use crate::visibility::{Visibilities, Visibility};
use crate::State;

/// At most so many patterns are looked up to see whether clearance is needed at all.
const MAX_LOOKED_UP: usize = 10;

#[derive(Serialize)]
struct Accepted {
    agent: AgentLabels,
    difc_mode: &'static str,
    normalized_policy: Normalized,
}

#[derive(Serialize)]
struct AgentLabels {
    secrecy: Vec<String>,
    integrity: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Normalized {
    #[serde(rename = "scope_kind")]
    scope_kind: &'static str,
    repos: NormalizedRepos,
    min_integrity: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NormalizedRepos {
    Word(&'static str),
    Patterns(Vec<String>),
}

#[derive(Serialize)]
struct Rejected {
    success: bool,
    error: String,
}

pub(crate) fn label(state: &mut State, input: &str) -> Answer {
    if !json::is_valid(input) {
        return Answer::BadInput;
    }
    let output = match Policy::read(input) {
        Ok(policy) => {
            let accepted = accept(&policy, &mut state.visibilities);
            state.policy = Some(policy);
            serde_json::to_vec(&accepted)
        }
        Err(error) => {
            log(Log::Warn, &format!("label_agent: rejected: {error}"));
            serde_json::to_vec(&Rejected { success: false, error })
        }
    };
    output.map_or(Answer::BadInput, Answer::Json)
}

fn accept(policy: &Policy, visibilities: &mut Visibilities) -> Accepted {
    let scope = policy.repos.scope_name();
    log(
        Log::Info,
        &format!(
            "label_agent: scope={scope} min={} blocked={} trusted={} approval={} refusal={} bots={}",
            policy.min_integrity.name(),
            policy.blocked_users.count(),
            policy.trusted_users.count(),
            policy.approval_labels.count(),
            policy.refusal_labels.count(),
            policy.trusted_bots.count(),
        ),
    );
    let (scope_kind, repos) = match &policy.repos {
        Repos::All => ("All", NormalizedRepos::Word("all")),
        Repos::Public => ("Public", NormalizedRepos::Word("public")),
        Repos::Patterns(patterns) => {
            ("Repos", NormalizedRepos::Patterns(patterns.iter().map(|pattern| pattern.text().to_owned()).collect()))
        }
    };
    let secrecy = if needs_clearance(&policy.repos, visibilities) { vec![format!("private:{scope}")] } else { Vec::new() };
    Accepted {
        agent: AgentLabels { secrecy, integrity: policy.min_integrity.tags(&scope) },
        difc_mode: "filter",
        normalized_policy: Normalized { scope_kind, repos, min_integrity: policy.min_integrity.name() },
    }
}

/// Whether the agent may come to see something private. Clearance that is never used would keep it
/// from writing to its own public repositories.
fn needs_clearance(repos: &Repos, visibilities: &mut Visibilities) -> bool {
    match repos {
        Repos::All => true,
        Repos::Public => false,
        Repos::Patterns(patterns) => {
            if patterns.len() > MAX_LOOKED_UP || patterns.iter().any(|pattern| pattern.exact().is_none()) {
                return true;
            }
            let mut exact = patterns.iter().filter_map(|pattern| pattern.exact());
            exact.any(|repo| visibilities.of(&repo) != Visibility::Public)
        }
    }
}
