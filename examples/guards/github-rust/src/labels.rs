//! Levels, repositories, and the tags made of them (section 3).

use serde::Serialize;

use crate::policy::{Policy, Repos};
use crate::visibility::Visibility;

/// How far content can be trusted, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    Unapproved,
    Approved,
    Merged,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::None, Level::Unapproved, Level::Approved, Level::Merged];

    pub fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Unapproved => "unapproved",
            Level::Approved => "approved",
            Level::Merged => "merged",
        }
    }

    /// The level of that name, in lower case.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

    /// One tag for this level and each below it, so that a subset test compares levels.
    pub fn tags(self, scope: &str) -> Vec<String> {
        Level::ALL.into_iter().filter(|level| *level <= self).map(|level| format!("{}:{scope}", level.name())).collect()
    }
}

/// A repository, its owner and name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repo {
    owner: String,
    name: String,
}

impl Repo {
    /// The repository of these two names, if both are well formed.
    pub fn new(owner: &str, name: &str) -> Option<Repo> {
        let owner_ok = (1..=39).contains(&owner.len()) && owner.bytes().all(is_owner_byte);
        let name_ok = (1..=100).contains(&name.len()) && name.bytes().all(is_name_byte) && name != "." && name != "..";
        (owner_ok && name_ok).then(|| Repo { owner: owner.to_ascii_lowercase(), name: name.to_ascii_lowercase() })
    }

    /// The repository written `owner/name`.
    pub fn parse(full_name: &str) -> Option<Repo> {
        let (owner, name) = full_name.split_once('/')?;
        Repo::new(owner, name)
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

pub fn is_owner_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

pub fn is_name_byte(byte: u8) -> bool {
    is_owner_byte(byte) || byte == b'.'
}

/// What a call or an item is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One repository and what is known of its visibility.
    Repo(Repo, Visibility),
    /// A repository is needed but none is named.
    Unknown,
    /// No repository in particular.
    Unscoped,
}

impl Target {
    /// The target as printed: `owner/name`, `unknown` or `*`.
    pub fn name(&self) -> String {
        match self {
            Target::Repo(repo, _) => repo.full_name(),
            Target::Unknown => "unknown".to_owned(),
            Target::Unscoped => "*".to_owned(),
        }
    }

    /// The name that the tags carry.
    pub fn scope(&self, policy: &Policy) -> String {
        match self {
            Target::Repo(repo, visibility) if in_scope(&policy.repos, repo, *visibility) => policy.repos.scope_name(),
            Target::Repo(repo, _) => repo.full_name(),
            Target::Unknown => "unknown".to_owned(),
            Target::Unscoped => policy.repos.scope_name(),
        }
    }

    pub fn secrecy(&self, policy: &Policy) -> Vec<String> {
        match self {
            Target::Repo(_, Visibility::Public) | Target::Unscoped => Vec::new(),
            _ => self.forced_secrecy(policy),
        }
    }

    /// The secrecy of what is secret even in a public repository.
    pub fn forced_secrecy(&self, policy: &Policy) -> Vec<String> {
        vec![format!("private:{}", self.scope(policy))]
    }
}

fn in_scope(repos: &Repos, repo: &Repo, visibility: Visibility) -> bool {
    match repos {
        Repos::All => true,
        Repos::Public => visibility == Visibility::Public,
        Repos::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(repo)),
    }
}

/// The labels of one item, as the host reads them.
#[derive(Serialize, Clone, Debug)]
pub struct Labels {
    pub description: String,
    pub secrecy: Vec<String>,
    pub integrity: Vec<String>,
}
