//! The table of tools (section 4).

use serde::Deserialize;

use crate::json::Val;
use crate::labels::{Level, Repo};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    ReadWrite,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::ReadWrite => "read-write",
        }
    }
}

/// Where a tool names its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepoFrom {
    /// The args `owner` and `repo`.
    Args,
    /// A `repo:owner/name` in the search query.
    Query,
    /// Nowhere.
    Nowhere,
}

/// What the items of a response are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Alert,
    Artifact,
    Branch,
    Change,
    Code,
    Comment,
    Commit,
    Discussion,
    File,
    Gist,
    Issue,
    Job,
    Notification,
    Pull,
    Release,
    Repository,
    Review,
    Run,
    Secret,
    Tag,
    Text,
    User,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Alert => "alert",
            Kind::Artifact => "artifact",
            Kind::Branch => "branch",
            Kind::Change => "change",
            Kind::Code => "code",
            Kind::Comment => "comment",
            Kind::Commit => "commit",
            Kind::Discussion => "discussion",
            Kind::File => "file",
            Kind::Gist => "gist",
            Kind::Issue => "issue",
            Kind::Job => "job",
            Kind::Notification => "notification",
            Kind::Pull => "pull",
            Kind::Release => "release",
            Kind::Repository => "repository",
            Kind::Review => "review",
            Kind::Run => "run",
            Kind::Secret => "secret",
            Kind::Tag => "tag",
            Kind::Text => "text",
            Kind::User => "user",
        }
    }

    /// The keys of an object that may hold the list (section 8).
    pub fn list_keys(self) -> &'static [&'static str] {
        match self {
            Kind::Run => &["items", "workflow_runs"],
            Kind::Job => &["items", "jobs"],
            Kind::Artifact => &["items", "artifacts"],
            Kind::Issue => &["items", "issues"],
            Kind::Pull => &["items", "pull_requests"],
            Kind::Discussion => &["items", "discussions"],
            Kind::Release => &["items", "releases"],
            Kind::Repository => &["items", "repositories"],
            _ => &["items"],
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    pub name: &'static str,
    pub operation: Operation,
    pub repo_from: RepoFrom,
    pub kind: Kind,
    pub level: Level,
}

const fn tool(name: &'static str, operation: Operation, repo_from: RepoFrom, kind: Kind, level: Level) -> Tool {
    Tool { name, operation, repo_from, kind, level }
}

use Level::{Approved, Merged, None as Lowest, Unapproved};
use Operation::{Read, ReadWrite, Write};
use RepoFrom::{Args, Nowhere, Query};

static TOOLS: &[Tool] = &[
    tool("list_issues", Read, Args, Kind::Issue, Lowest),
    tool("get_issue", Read, Args, Kind::Issue, Lowest),
    tool("search_issues", Read, Query, Kind::Issue, Lowest),
    tool("list_pull_requests", Read, Args, Kind::Pull, Lowest),
    tool("get_pull_request", Read, Args, Kind::Pull, Lowest),
    tool("list_commits", Read, Args, Kind::Commit, Unapproved),
    tool("get_file_contents", Read, Args, Kind::File, Unapproved),
    tool("create_issue", Write, Args, Kind::Issue, Lowest),
    tool("add_issue_comment", Write, Args, Kind::Comment, Lowest),
    tool("merge_pull_request", ReadWrite, Args, Kind::Pull, Merged),
    tool("issue_read", Read, Args, Kind::Issue, Lowest),
    tool("get_issue_comments", Read, Args, Kind::Comment, Lowest),
    tool("list_sub_issues", Read, Args, Kind::Issue, Lowest),
    tool("update_issue", ReadWrite, Args, Kind::Issue, Unapproved),
    tool("pull_request_read", Read, Args, Kind::Pull, Lowest),
    tool("search_pull_requests", Read, Query, Kind::Pull, Lowest),
    tool("get_pull_request_comments", Read, Args, Kind::Comment, Lowest),
    tool("get_pull_request_reviews", Read, Args, Kind::Review, Lowest),
    tool("get_pull_request_files", Read, Args, Kind::Change, Lowest),
    tool("get_pull_request_diff", Read, Args, Kind::Text, Lowest),
    tool("create_pull_request", Write, Args, Kind::Pull, Unapproved),
    tool("update_pull_request", ReadWrite, Args, Kind::Pull, Unapproved),
    tool("get_commit", Read, Args, Kind::Commit, Unapproved),
    tool("list_branches", Read, Args, Kind::Branch, Unapproved),
    tool("list_tags", Read, Args, Kind::Tag, Approved),
    tool("create_branch", Write, Args, Kind::Branch, Unapproved),
    tool("create_or_update_file", Write, Args, Kind::File, Approved),
    tool("push_files", Write, Args, Kind::File, Approved),
    tool("delete_file", ReadWrite, Args, Kind::File, Approved),
    tool("fork_repository", ReadWrite, Args, Kind::Repository, Unapproved),
    tool("search_code", Read, Query, Kind::Code, Merged),
    tool("search_repositories", Read, Query, Kind::Repository, Approved),
    tool("list_releases", Read, Args, Kind::Release, Unapproved),
    tool("get_latest_release", Read, Args, Kind::Release, Merged),
    tool("get_release_by_tag", Read, Args, Kind::Release, Unapproved),
    tool("list_workflow_runs", Read, Args, Kind::Run, Unapproved),
    tool("get_workflow_run", Read, Args, Kind::Run, Unapproved),
    tool("list_workflow_jobs", Read, Args, Kind::Job, Unapproved),
    tool("list_workflow_run_artifacts", Read, Args, Kind::Artifact, Unapproved),
    tool("get_job_logs", Read, Args, Kind::Text, Unapproved),
    tool("rerun_workflow_run", ReadWrite, Args, Kind::Run, Approved),
    tool("list_code_scanning_alerts", Read, Args, Kind::Alert, Approved),
    tool("list_secret_scanning_alerts", Read, Args, Kind::Secret, Approved),
    tool("list_discussions", Read, Args, Kind::Discussion, Lowest),
    tool("list_notifications", Read, Nowhere, Kind::Notification, Lowest),
    tool("list_gists", Read, Nowhere, Kind::Gist, Lowest),
    tool("search_users", Read, Nowhere, Kind::User, Unapproved),
    tool("get_me", Read, Nowhere, Kind::User, Approved),
];

/// The args that any tool may have.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ToolArgs {
    owner: Val<String>,
    repo: Val<String>,
    query: Val<String>,
    q: Val<String>,
    method: Val<String>,
    sha: Val<String>,
    #[serde(rename = "ref")]
    reference: Val<String>,
}

/// The repository that a call names.
pub enum Named {
    Repo(Repo),
    Unknown,
    Unscoped,
}

impl Tool {
    /// The row of that name; for tools that do several things, as the args say.
    pub fn find(name: &str, args: &ToolArgs) -> Option<Tool> {
        let mut tool = *TOOLS.iter().find(|tool| tool.name == name)?;
        tool.kind = match (name, args.method.text().unwrap_or("")) {
            ("issue_read", "get_comments") => Kind::Comment,
            ("pull_request_read", "get_diff") => Kind::Text,
            ("pull_request_read", "get_reviews") => Kind::Review,
            ("pull_request_read", "get_comments" | "get_review_comments") => Kind::Comment,
            ("pull_request_read", "get_files") => Kind::Change,
            _ => tool.kind,
        };
        Some(tool)
    }

    pub fn named(&self, args: &ToolArgs) -> Named {
        match self.repo_from {
            RepoFrom::Args => {
                let repo = match (args.owner.text(), args.repo.text()) {
                    (Some(owner), Some(name)) => Repo::new(owner, name),
                    _ => None,
                };
                repo.map_or(Named::Unknown, Named::Repo)
            }
            RepoFrom::Query => args.query_repo().map_or(Named::Unscoped, Named::Repo),
            RepoFrom::Nowhere => Named::Unscoped,
        }
    }
}

impl ToolArgs {
    /// The repository of the query, if it names exactly one.
    fn query_repo(&self) -> Option<Repo> {
        let query = self.query.text().or_else(|| self.q.text())?;
        let mut qualifiers = query.split([' ', '\t']).filter_map(|piece| piece.strip_prefix("repo:"));
        let only = qualifiers.next()?;
        match qualifiers.next() {
            Some(_) => None,
            None => Repo::parse(only),
        }
    }

    /// Whether commits listed with these args are those of the default branch.
    pub fn commits_of_default_branch(&self) -> bool {
        is_default_branch(self.sha.text())
    }

    /// Whether a file read with these args is that of the default branch.
    pub fn file_of_default_branch(&self) -> bool {
        is_default_branch(self.reference.text()) && self.sha.text().unwrap_or("").is_empty()
    }
}

fn is_default_branch(name: Option<&str>) -> bool {
    matches!(name.unwrap_or(""), "" | "HEAD" | "main" | "master" | "refs/heads/main" | "refs/heads/master")
}
