//! `label_response`: labels for the items of a response (sections 6 to 9).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::abi::{log, printable, Answer, Log};
use crate::json::{self, Obj, Val};
use crate::labels::{Labels, Level, Target};
use crate::policy::Policy;
use crate::resource::{request_secrecy, requested};
use crate::shapes::{self, Context};
use crate::tools::{Kind, Named, Operation, RepoFrom, Tool, ToolArgs};
use crate::unwrap::{self, Opened, Root};
use crate::visibility::{Visibilities, Visibility};
use crate::State;

/// So many items of a list are labelled one by one; the others take the default labels.
const MAX_LABELLED: usize = 200;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Input<'a> {
    tool_name: Val<String>,
    tool_args: Obj<ToolArgs>,
    #[serde(borrow)]
    tool_result: Option<&'a RawValue>,
}

// ---- The form of the data (section 8) ----------------------------------------------------------

enum Form<'a> {
    Empty,
    List {
        items_path: String,
        items: Vec<&'a RawValue>,
    },
    /// An object that is one item, as text.
    Single(&'a str),
    Value,
}

fn form<'a>(root: Root<'a>, kind: Kind) -> Form<'a> {
    let list = |items_path: String, items: Vec<&'a RawValue>| match items.is_empty() {
        true => Form::Empty,
        false => Form::List { items_path, items },
    };
    match root {
        Root::Null => Form::Empty,
        Root::Scalar => Form::Value,
        Root::Array(items) => list(String::new(), items),
        Root::Object(text, top) => {
            for key in kind.list_keys() {
                if let Some(items) = top.list(key) {
                    return list(format!("/{key}"), items);
                }
            }
            match json::is_empty_object(text) {
                true => Form::Empty,
                false => Form::Single(text),
            }
        }
    }
}

// ---- Output ------------------------------------------------------------------------------------

/// Labels by path, for lists and for whole results.
#[derive(Serialize)]
struct PathLabels {
    items_path: String,
    labeled_paths: Vec<LabeledPath>,
    default_labels: Labels,
}

#[derive(Serialize)]
struct LabeledPath {
    path: String,
    labels: Labels,
}

/// Labels that carry the data along.
#[derive(Serialize)]
struct ItemLabels<'a> {
    items: [LabeledItem<'a>; 1],
}

#[derive(Serialize)]
struct LabeledItem<'a> {
    data: &'a RawValue,
    labels: Labels,
}

fn encode<T: Serialize>(output: &T) -> Answer {
    serde_json::to_vec(output).map_or(Answer::BadInput, Answer::Json)
}

/// One set of labels for everything.
fn whole(labels: Labels) -> Answer {
    encode(&PathLabels { items_path: String::new(), labeled_paths: Vec::new(), default_labels: labels })
}

// ---- Labelling ---------------------------------------------------------------------------------

/// How many items came out at which level, for the log.
#[derive(Default)]
struct Tally {
    blocked: usize,
    levels: [usize; Level::ALL.len()],
}

impl Tally {
    fn add(&mut self, level: Option<Level>) {
        match level {
            None => self.blocked += 1,
            Some(level) => self.levels[level as usize] += 1,
        }
    }

    fn log(&self) {
        let mut line = format!("levels: blocked={}", self.blocked);
        for level in Level::ALL {
            line.push_str(&format!(" {}={}", level.name(), self.levels[level as usize]));
        }
        log(Log::Debug, &line);
    }
}

/// A request whose response is being labelled.
struct Request<'a> {
    policy: &'a Policy,
    visibilities: &'a mut Visibilities,
    /// The tool's name as printed.
    shown: String,
    tool: Option<Tool>,
    args: ToolArgs,
    target: Target,
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
    let result = match input.tool_result.map_or_else(|| serde_json::from_str("null"), Ok) {
        Ok(result) => result,
        Err(_) => return Answer::BadInput,
    };
    let args = input.tool_args.0.unwrap_or_default();
    let tool = Tool::find(name, &args);
    let visibilities = &mut state.visibilities;
    let target = match &tool {
        None => Target::Unknown,
        // The visibility does not matter where nothing is labelled.
        Some(tool) if tool.operation == Operation::Write => match tool.named(&args) {
            Named::Repo(repo) => Target::Repo(repo, Visibility::Unknown),
            _ => Target::Unknown,
        },
        Some(tool) => requested(tool, &args, visibilities),
    };
    let mut request = Request { policy, visibilities, shown: printable(name), tool, args, target };
    request.label(result)
}

impl Request<'_> {
    fn label(&mut self, result: &RawValue) -> Answer {
        let tool = match self.tool {
            None => {
                self.report("unknown", 1, 1);
                return whole(self.labels("unknown", Level::None));
            }
            Some(tool) if tool.operation == Operation::Write => {
                self.report("write", 0, 0);
                return Answer::Nothing;
            }
            Some(tool) => tool,
        };
        let answer = match tool.kind {
            // Text goes back as it came; the decoded copy is given up before that.
            Kind::Text => unwrap::open(result.get(), |opened| opened.is_error).map(|is_error| self.text(&tool, result, is_error)),
            _ => unwrap::open(result.get(), |opened| self.opened(&tool, opened)),
        };
        answer.unwrap_or(Answer::BadInput)
    }

    /// Labels a text as a whole.
    fn text(&mut self, tool: &Tool, result: &RawValue, is_error: bool) -> Answer {
        if is_error {
            return self.error();
        }
        self.report("text", 1, 1);
        let labels = self.labels("text", tool.level);
        let mut output = Vec::with_capacity(result.get().len() + 1024);
        match serde_json::to_writer(&mut output, &ItemLabels { items: [LabeledItem { data: result, labels }] }) {
            Ok(()) => Answer::Json(output),
            Err(_) => Answer::BadInput,
        }
    }

    fn error(&self) -> Answer {
        self.report("error", 1, 1);
        whole(self.labels("error", Level::Approved))
    }

    /// Labels what the wrapper held.
    fn opened(&mut self, tool: &Tool, opened: Opened) -> Answer {
        if opened.is_error {
            return self.error();
        }
        match opened.root.map(|root| form(root, tool.kind)) {
            None if opened.is_blank => self.nothing(),
            None => {
                self.report("text", 1, 1);
                whole(self.labels("text", Level::None))
            }
            Some(Form::Empty) => self.nothing(),
            Some(Form::Value) => {
                self.report("value", 1, 1);
                whole(self.labels("value", Level::None))
            }
            Some(Form::Single(item)) => {
                let (labels, _) = self.item(tool, item, None);
                self.report("single", 1, 1);
                whole(labels)
            }
            Some(Form::List { items_path, items }) => self.list(tool, items_path, &items),
        }
    }

    fn list(&mut self, tool: &Tool, items_path: String, items: &[&RawValue]) -> Answer {
        let mut tally = Tally::default();
        let mut labeled_paths = Vec::new();
        for (index, item) in items.iter().take(MAX_LABELLED).enumerate() {
            let (labels, level) = self.item(tool, item.get(), Some(index));
            tally.add(level);
            labeled_paths.push(LabeledPath { path: format!("{items_path}/{index}"), labels });
        }
        tally.log();
        self.report("list", items.len(), labeled_paths.len());
        // What was not looked at is not let through.
        let secrecy = match self.target {
            Target::Unscoped => Target::Unknown.secrecy(self.policy),
            _ => request_secrecy(Some(tool), &self.target, self.policy),
        };
        let default_labels = Labels { description: "unchecked".to_owned(), secrecy, integrity: Vec::new() };
        encode(&PathLabels { items_path, labeled_paths, default_labels })
    }

    /// The labels of one item; no level if it is blocked.
    fn item(&mut self, tool: &Tool, item: &str, index: Option<usize>) -> (Labels, Option<Level>) {
        let target = self.item_target(tool, item);
        let scope = target.scope(self.policy);
        let facts = shapes::facts(item, &Context { tool, args: &self.args });
        let level = match &facts {
            Some(facts) => self.level(facts),
            // An object that cannot be read is not vouched for.
            None if json::is_object(item) => None,
            None => Some(Level::None),
        };
        if level.is_none() {
            match index {
                Some(index) => log(Log::Debug, &format!("item {index} is blocked")),
                None => log(Log::Debug, "item is blocked"),
            }
        }
        let mut id = facts.map_or_else(String::new, |facts| facts.id);
        if let (true, Some(index)) = (id.is_empty(), index) {
            id = format!("[{index}]");
        }
        let secrecy = match tool.kind {
            Kind::Gist if shapes::is_public_gist(item) => Vec::new(),
            Kind::Gist => vec!["private:gist".to_owned()],
            Kind::Secret => target.forced_secrecy(self.policy),
            _ => target.secrecy(self.policy),
        };
        let labels = Labels {
            description: format!("{}:{}{id}", tool.kind.name(), target.name()),
            secrecy,
            integrity: level.map_or_else(Vec::new, |level| level.tags(&scope)),
        };
        (labels, level)
    }

    /// What an item is about: for searches that is its own affair (section 6).
    fn item_target(&mut self, tool: &Tool, item: &str) -> Target {
        if matches!(tool.kind, Kind::User | Kind::Gist) {
            return Target::Unscoped;
        }
        if tool.repo_from == RepoFrom::Args {
            return self.target.clone();
        }
        let repo = match (shapes::own_repo(item, tool.kind), &self.target) {
            (Some(repo), Target::Repo(requested, _)) if repo == *requested => return self.target.clone(),
            (Some(repo), _) => repo,
            (None, Target::Repo(..)) => return self.target.clone(),
            (None, _) => return Target::Unknown,
        };
        if tool.kind == Kind::Repository {
            let visibility = shapes::own_visibility(item);
            if visibility != Visibility::Unknown {
                return Target::Repo(repo, visibility);
            }
        }
        self.visibilities.target(repo)
    }

    /// The level of an item under the policy; none if it is blocked (section 9).
    fn level(&self, facts: &shapes::Facts) -> Option<Level> {
        let policy = self.policy;
        if facts.logins.iter().any(|login| policy.blocked_users.contains(login)) {
            return None;
        }
        if facts.labels.iter().any(|label| policy.refusal_labels.contains(label)) {
            return Some(Level::None);
        }
        let trusted = facts.logins.first().map_or(false, |login| policy.trusts(login));
        let approved = facts.labels.iter().any(|label| policy.approval_labels.contains(label));
        let least = if trusted || approved { Level::Approved } else { Level::None };
        Some(facts.base.max(least))
    }

    /// Labels of the request's repository at some level.
    fn labels(&self, what: &str, level: Level) -> Labels {
        Labels {
            description: format!("{what}:{}", self.target.name()),
            secrecy: request_secrecy(self.tool.as_ref(), &self.target, self.policy),
            integrity: level.tags(&self.target.scope(self.policy)),
        }
    }

    fn nothing(&self) -> Answer {
        self.report("empty", 0, 0);
        Answer::Nothing
    }

    fn report(&self, shape: &str, items: usize, labelled: usize) {
        let line =
            format!("label_response: {} repo={} shape={shape} items={items} labelled={labelled}", self.shown, self.target.name());
        log(Log::Info, &line);
    }
}
