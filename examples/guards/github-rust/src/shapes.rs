//! The objects found in responses: one type per kind, with the fields that decide its labels, and
//! what each says about itself (section 9).

use serde::de::{Deserialize, Deserializer};
use serde::Deserialize as Derive;
use serde_json::value::RawValue;

use crate::json::{self, Digits, Obj, Val};
use crate::labels::{Level, Repo};
use crate::tools::{Kind, Tool, ToolArgs};
use crate::visibility::{RepositoryFields, Visibility};

/// What an item says about itself, before the policy is applied.
#[derive(Debug)]
pub struct Facts {
    /// `#<number>` or `@<commit>`; empty if it has none.
    pub id: String,
    /// The users it comes from, the foremost first.
    pub logins: Vec<String>,
    pub labels: Vec<String>,
    pub base: Level,
}

/// What else the level may depend on.
pub struct Context<'a> {
    pub tool: &'a Tool,
    pub args: &'a ToolArgs,
}

/// Something found in a response.
trait Shape {
    fn facts(&self, context: &Context) -> Facts;
}

/// Reads an item as its kind; nothing if it cannot be read as an object.
pub fn facts(item: &str, context: &Context) -> Option<Facts> {
    match context.tool.kind {
        Kind::Alert => read::<Alert>(item, context),
        Kind::Artifact => read::<Artifact>(item, context),
        Kind::Branch => read::<Branch>(item, context),
        Kind::Change => read::<Change>(item, context),
        Kind::Code => read::<Code>(item, context),
        Kind::Comment => read::<Comment>(item, context),
        Kind::Commit => read::<Commit>(item, context),
        Kind::Discussion => read::<Discussion>(item, context),
        Kind::File => read::<File>(item, context),
        Kind::Gist => read::<Gist>(item, context),
        Kind::Issue => read::<Issue>(item, context),
        Kind::Job => read::<Job>(item, context),
        Kind::Notification => read::<Notification>(item, context),
        Kind::Pull => read::<Pull>(item, context),
        Kind::Release => read::<Release>(item, context),
        Kind::Repository => read::<Repository>(item, context),
        Kind::Review => read::<Review>(item, context),
        Kind::Run => read::<Run>(item, context),
        Kind::Secret => read::<Secret>(item, context),
        Kind::Tag => read::<Tag>(item, context),
        // A text is labelled as a whole and has no items.
        Kind::Text => None,
        Kind::User => read::<User>(item, context),
    }
}

fn read<'de, T: Shape + Deserialize<'de>>(item: &'de str, context: &Context) -> Option<Facts> {
    json::read_object::<T>(item).map(|shape| shape.facts(context))
}

// ---- Parts that several kinds have -------------------------------------------------------------

/// A user or bot, as embedded in other objects.
#[derive(Derive, Default)]
#[serde(default)]
struct Actor {
    login: Val<String>,
}

/// A repository, as embedded in other objects.
#[derive(Derive, Default)]
#[serde(default)]
struct RepoRef {
    full_name: Val<String>,
}

/// A label, written as an object with a name or as a bare string.
struct Label(Option<String>);

#[derive(Derive, Default)]
#[serde(default)]
struct LabelObject {
    name: Val<String>,
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(Label(match json::read_object::<LabelObject>(raw) {
            Some(label) => label.name.0,
            None => serde_json::from_str(raw).ok(),
        }))
    }
}

type LabelList = Val<Vec<Label>>;

fn label_names(labels: &LabelList) -> Vec<String> {
    labels.0.iter().flatten().filter_map(|label| label.0.clone()).collect()
}

fn logins<const N: usize>(actors: [&Obj<Actor>; N]) -> Vec<String> {
    actors.iter().filter_map(|actor| actor.get()?.login.0.clone()).collect()
}

fn numbered(number: &Digits) -> String {
    number.0.as_ref().map_or_else(String::new, |digits| format!("#{digits}"))
}

fn is_default_branch(name: &Val<String>) -> bool {
    name.is("main") || name.is("master")
}

/// The author's standing in the repository.
fn by_association(association: &Val<String>) -> Level {
    match association.text() {
        Some("OWNER" | "MEMBER" | "COLLABORATOR") => Level::Approved,
        Some("CONTRIBUTOR") => Level::Unapproved,
        _ => Level::None,
    }
}

// ---- Issues, pull requests and what is said about them -----------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Issue {
    number: Digits,
    user: Obj<Actor>,
    labels: LabelList,
    author_association: Val<String>,
}

impl Shape for Issue {
    fn facts(&self, _: &Context) -> Facts {
        Facts {
            id: numbered(&self.number),
            logins: logins([&self.user]),
            labels: label_names(&self.labels),
            base: by_association(&self.author_association),
        }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Pull {
    number: Digits,
    user: Obj<Actor>,
    labels: LabelList,
    author_association: Val<String>,
    merged: Val<bool>,
    merged_at: Val<String>,
    pull_request: Obj<PullLink>,
}

/// What a search result that is a pull request says of it.
#[derive(Derive, Default)]
#[serde(default)]
struct PullLink {
    merged_at: Val<String>,
}

impl Pull {
    fn is_merged(&self) -> bool {
        let at = |time: &Val<String>| time.text().map_or(false, |time| !time.is_empty());
        self.merged.is_true() || at(&self.merged_at) || self.pull_request.get().map_or(false, |link| at(&link.merged_at))
    }
}

impl Shape for Pull {
    fn facts(&self, _: &Context) -> Facts {
        let base = if self.is_merged() { Level::Merged } else { by_association(&self.author_association) };
        Facts { id: numbered(&self.number), logins: logins([&self.user]), labels: label_names(&self.labels), base }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Comment {
    id: Digits,
    user: Obj<Actor>,
    author_association: Val<String>,
}

impl Shape for Comment {
    fn facts(&self, _: &Context) -> Facts {
        Facts {
            id: numbered(&self.id),
            logins: logins([&self.user]),
            labels: Vec::new(),
            base: by_association(&self.author_association),
        }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Review {
    id: Digits,
    user: Obj<Actor>,
    author_association: Val<String>,
}

impl Shape for Review {
    fn facts(&self, _: &Context) -> Facts {
        Facts {
            id: numbered(&self.id),
            logins: logins([&self.user]),
            labels: Vec::new(),
            base: by_association(&self.author_association),
        }
    }
}

/// A changed file of a pull request: as untrusted as the request may be.
#[derive(Derive, Default)]
#[serde(default)]
struct Change {}

impl Shape for Change {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: String::new(), logins: Vec::new(), labels: Vec::new(), base: Level::None }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Discussion {
    number: Digits,
    user: Obj<Actor>,
    labels: LabelList,
    author_association: Val<String>,
    answer_chosen_by: Obj<Actor>,
}

impl Shape for Discussion {
    fn facts(&self, _: &Context) -> Facts {
        let standing = by_association(&self.author_association);
        let answered = if self.answer_chosen_by.get().is_some() { Level::Unapproved } else { Level::None };
        Facts {
            id: numbered(&self.number),
            logins: logins([&self.user]),
            labels: label_names(&self.labels),
            base: standing.max(answered),
        }
    }
}

// ---- What is in the repository -----------------------------------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Commit {
    sha: Val<String>,
    author: Obj<Actor>,
    committer: Obj<Actor>,
    commit: Obj<GitCommit>,
}

#[derive(Derive, Default)]
#[serde(default)]
struct GitCommit {
    verification: Obj<Verification>,
}

#[derive(Derive, Default)]
#[serde(default)]
struct Verification {
    verified: Val<bool>,
}

impl Commit {
    fn short_sha(&self) -> Option<&str> {
        let is_hex = |sha: &&str| sha.len() >= 12 && sha.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.sha.text().filter(is_hex).map(|sha| &sha[..12])
    }

    fn is_verified(&self) -> bool {
        let verification = self.commit.get().and_then(|commit| commit.verification.get());
        verification.map_or(false, |verification| verification.verified.is_true())
    }
}

impl Shape for Commit {
    fn facts(&self, context: &Context) -> Facts {
        let base = if context.args.commits_of_default_branch() {
            Level::Merged
        } else if self.is_verified() {
            Level::Approved
        } else {
            Level::Unapproved
        };
        Facts {
            id: self.short_sha().map_or_else(String::new, |sha| format!("@{sha}")),
            logins: logins([&self.author, &self.committer]),
            labels: Vec::new(),
            base,
        }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct File {}

impl Shape for File {
    fn facts(&self, context: &Context) -> Facts {
        let base = if context.args.file_of_default_branch() { Level::Merged } else { Level::Unapproved };
        Facts { id: String::new(), logins: Vec::new(), labels: Vec::new(), base }
    }
}

/// A hit of a code search, which looks at default branches only.
#[derive(Derive, Default)]
#[serde(default)]
struct Code {}

impl Shape for Code {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: String::new(), logins: Vec::new(), labels: Vec::new(), base: Level::Merged }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Branch {
    protected: Val<bool>,
    commit: Obj<BranchTip>,
}

#[derive(Derive, Default)]
#[serde(default)]
struct BranchTip {
    author: Obj<Actor>,
}

impl Shape for Branch {
    fn facts(&self, _: &Context) -> Facts {
        Facts {
            id: String::new(),
            logins: self.commit.get().map_or_else(Vec::new, |tip| logins([&tip.author])),
            labels: Vec::new(),
            base: if self.protected.is_true() { Level::Approved } else { Level::Unapproved },
        }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Tag {}

impl Shape for Tag {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: String::new(), logins: Vec::new(), labels: Vec::new(), base: Level::Approved }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Release {
    id: Digits,
    author: Obj<Actor>,
    draft: Val<bool>,
    prerelease: Val<bool>,
    assets: Val<Vec<Obj<Asset>>>,
}

#[derive(Derive, Default)]
#[serde(default)]
struct Asset {
    uploader: Obj<Actor>,
}

impl Shape for Release {
    fn facts(&self, _: &Context) -> Facts {
        let mut from = logins([&self.author]);
        for asset in self.assets.0.iter().flatten().filter_map(|asset| asset.get()) {
            from.extend(logins([&asset.uploader]));
        }
        let base = if self.draft.is_true() {
            Level::Unapproved
        } else if self.prerelease.is_true() {
            Level::Approved
        } else {
            Level::Merged
        };
        Facts { id: numbered(&self.id), logins: from, labels: Vec::new(), base }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Repository {
    owner: Obj<Actor>,
    topics: LabelList,
    fork: Val<bool>,
}

impl Shape for Repository {
    fn facts(&self, _: &Context) -> Facts {
        Facts {
            id: String::new(),
            logins: logins([&self.owner]),
            labels: label_names(&self.topics),
            base: if self.fork.is_true() { Level::Unapproved } else { Level::Approved },
        }
    }
}

// ---- Actions -----------------------------------------------------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Run {
    id: Digits,
    event: Val<String>,
    actor: Obj<Actor>,
    triggering_actor: Obj<Actor>,
    repository: Obj<RepoRef>,
    head_repository: Obj<RepoRef>,
}

impl Run {
    /// Whether the commit that ran comes from another repository.
    fn is_from_fork(&self) -> bool {
        let name = |repo: &Obj<RepoRef>| repo.get().and_then(|repo| repo.full_name.0.clone());
        match name(&self.head_repository) {
            Some(head) => name(&self.repository).as_ref() != Some(&head),
            None => false,
        }
    }
}

impl Shape for Run {
    fn facts(&self, _: &Context) -> Facts {
        let base = match self.event.text() {
            _ if self.is_from_fork() => Level::None,
            Some("pull_request" | "pull_request_target" | "issue_comment" | "issues" | "workflow_run") => Level::None,
            Some("push" | "schedule" | "workflow_dispatch" | "release" | "merge_group") => Level::Approved,
            _ => Level::Unapproved,
        };
        Facts { id: numbered(&self.id), logins: logins([&self.actor, &self.triggering_actor]), labels: Vec::new(), base }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Job {
    id: Digits,
    head_branch: Val<String>,
}

impl Shape for Job {
    fn facts(&self, _: &Context) -> Facts {
        let base = if is_default_branch(&self.head_branch) { Level::Approved } else { Level::Unapproved };
        Facts { id: numbered(&self.id), logins: Vec::new(), labels: Vec::new(), base }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Artifact {
    id: Digits,
    expired: Val<bool>,
    workflow_run: Obj<ArtifactRun>,
}

#[derive(Derive, Default)]
#[serde(default)]
struct ArtifactRun {
    head_branch: Val<String>,
}

impl Shape for Artifact {
    fn facts(&self, _: &Context) -> Facts {
        let trusted = self.workflow_run.get().map_or(false, |run| is_default_branch(&run.head_branch));
        let base = match (self.expired.is_true(), trusted) {
            (true, _) => Level::None,
            (false, true) => Level::Approved,
            (false, false) => Level::Unapproved,
        };
        Facts { id: numbered(&self.id), logins: Vec::new(), labels: Vec::new(), base }
    }
}

// ---- Security alerts ---------------------------------------------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Alert {
    number: Digits,
    dismissed_by: Obj<Actor>,
}

impl Shape for Alert {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: numbered(&self.number), logins: logins([&self.dismissed_by]), labels: Vec::new(), base: Level::Approved }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Secret {
    number: Digits,
    resolved_by: Obj<Actor>,
}

impl Shape for Secret {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: numbered(&self.number), logins: logins([&self.resolved_by]), labels: Vec::new(), base: Level::Approved }
    }
}

// ---- What belongs to people --------------------------------------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Notification {
    reason: Val<String>,
}

impl Shape for Notification {
    fn facts(&self, _: &Context) -> Facts {
        let own = matches!(self.reason.text(), Some("author" | "assign" | "review_requested"));
        let base = if own { Level::Unapproved } else { Level::None };
        Facts { id: String::new(), logins: Vec::new(), labels: Vec::new(), base }
    }
}

#[derive(Derive, Default)]
#[serde(default)]
struct Gist {
    owner: Obj<Actor>,
    public: Val<bool>,
}

impl Shape for Gist {
    fn facts(&self, _: &Context) -> Facts {
        Facts { id: String::new(), logins: logins([&self.owner]), labels: Vec::new(), base: Level::Unapproved }
    }
}

/// Whether a gist can be seen by everyone.
pub fn is_public_gist(item: &str) -> bool {
    json::read_object::<Gist>(item).map_or(false, |gist| gist.public.is_true())
}

#[derive(Derive, Default)]
#[serde(default)]
struct User {
    login: Val<String>,
    #[serde(rename = "type")]
    user_type: Val<String>,
    site_admin: Val<bool>,
}

impl Shape for User {
    fn facts(&self, context: &Context) -> Facts {
        let base = if self.site_admin.is_true() || context.tool.name == "get_me" {
            Level::Approved
        } else if self.user_type.is("Bot") {
            Level::None
        } else {
            Level::Unapproved
        };
        Facts { id: String::new(), logins: self.login.0.iter().cloned().collect(), labels: Vec::new(), base }
    }
}

// ---- Where an item belongs ---------------------------------------------------------------------

#[derive(Derive, Default)]
#[serde(default)]
struct Located {
    repository_url: Val<String>,
    repository: Obj<RepoRef>,
    full_name: Val<String>,
}

/// The repository that an item of a search says it belongs to (section 6).
pub fn own_repo(item: &str, kind: Kind) -> Option<Repo> {
    let located: Located = json::read_object(item)?;
    let by_url = || Repo::parse(located.repository_url.text()?.rsplit_once("/repos/")?.1);
    let by_repository = || Repo::parse(located.repository.get()?.full_name.text()?);
    let by_name = || if kind == Kind::Repository { Repo::parse(located.full_name.text()?) } else { None };
    by_url().or_else(by_repository).or_else(by_name)
}

/// What a repository in a list says of its own visibility.
pub fn own_visibility(item: &str) -> Visibility {
    json::read_object::<RepositoryFields>(item).map_or(Visibility::Unknown, |fields| fields.visibility())
}
