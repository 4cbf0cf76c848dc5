//! Reading and checking the policy (section 2).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, Obj, Val};
use crate::labels::{is_name_byte, is_owner_byte, Level, Repo};

/// The policy as it is sent.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RawPolicy<'a> {
    #[serde(borrow, rename = "allow-only")]
    allow_only: Obj<AllowOnly<'a>>,
    #[serde(borrow, rename = "trusted-bots")]
    trusted_bots: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct AllowOnly<'a> {
    #[serde(borrow)]
    repos: Option<&'a RawValue>,
    min_integrity: Val<String>,
    #[serde(borrow)]
    blocked_users: Option<&'a RawValue>,
    #[serde(borrow)]
    trusted_users: Option<&'a RawValue>,
    #[serde(borrow)]
    approval_labels: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal_labels: Option<&'a RawValue>,
}

/// A policy that passed every check.
#[derive(Clone, Debug)]
pub struct Policy {
    pub repos: Repos,
    pub min_integrity: Level,
    pub blocked_users: Names,
    pub trusted_users: Names,
    pub approval_labels: Names,
    pub refusal_labels: Names,
    pub trusted_bots: Names,
}

/// The repositories a policy is about.
#[derive(Clone, Debug)]
pub enum Repos {
    All,
    Public,
    /// Sorted, without repetitions, at least one.
    Patterns(Vec<Pattern>),
}

/// `owner/name`, `owner/prefix*` or `owner/*`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    text: String,
}

/// Logins or labels, in lower case, without repetitions.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    pub fn contains(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&name.to_ascii_lowercase())
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The names in an optional array of strings; the key names the culprit in the error.
    fn read(key: &str, raw: Option<&RawValue>) -> Result<Names, String> {
        let raw = match raw {
            None => return Ok(Names::default()),
            Some(raw) => raw,
        };
        let strings = json::read_strings(raw.get()).ok_or_else(|| format!("{key} must be an array of strings"))?;
        Ok(Names(strings.iter().map(|text| canonical(text)).filter(|text| !text.is_empty()).collect()))
    }
}

/// Trimmed and lowered, ASCII only (see the word list at the top of DECISIONS.md).
fn canonical(text: &str) -> String {
    text.trim_matches(|c| matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')).to_ascii_lowercase()
}

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        let text = canonical(text);
        let (owner, rest) = text.split_once('/')?;
        let name = rest.strip_suffix('*').unwrap_or(rest);
        let owner_ok = (1..=39).contains(&owner.len()) && owner.bytes().all(is_owner_byte);
        let name_ok = name.len() <= 100 && name.bytes().all(is_name_byte) && !matches!(rest, "" | "." | "..");
        if owner_ok && name_ok {
            Some(Pattern { text })
        } else {
            None
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    fn parts(&self) -> (&str, &str) {
        self.text.split_once('/').unwrap_or((&self.text, ""))
    }

    pub fn matches(&self, repo: &Repo) -> bool {
        let (owner, name) = self.parts();
        owner == repo.owner()
            && match name.strip_suffix('*') {
                Some(prefix) => repo.name().starts_with(prefix),
                None => repo.name() == name,
            }
    }

    /// The only repository this pattern matches; nothing if it has a `*`.
    pub fn exact(&self) -> Option<Repo> {
        let (owner, name) = self.parts();
        if name.ends_with('*') {
            None
        } else {
            Repo::new(owner, name)
        }
    }
}

impl Repos {
    fn read(raw: &RawValue) -> Option<Repos> {
        if let Ok(word) = serde_json::from_str::<String>(raw.get()) {
            return match canonical(&word).as_str() {
                "all" => Some(Repos::All),
                "public" => Some(Repos::Public),
                _ => None,
            };
        }
        let strings = json::read_strings(raw.get())?;
        let patterns: BTreeSet<Pattern> = strings.iter().map(|text| Pattern::parse(text)).collect::<Option<_>>()?;
        if patterns.is_empty() {
            return None;
        }
        Some(Repos::Patterns(patterns.into_iter().collect()))
    }

    /// The one name that stands for the whole scope in tags.
    pub fn scope_name(&self) -> String {
        match self {
            Repos::All => "all".to_owned(),
            Repos::Public => "public".to_owned(),
            Repos::Patterns(patterns) => patterns.iter().map(Pattern::text).collect::<Vec<_>>().join(","),
        }
    }
}

impl Policy {
    /// Reads a policy from valid JSON text; the error is the text that the host is told.
    pub fn read(text: &str) -> Result<Policy, String> {
        let raw: RawPolicy = json::read_object(text).ok_or("policy must be an object")?;
        let allow = raw.allow_only.0.ok_or("allow-only is missing or not an object")?;
        let repos = allow.repos.and_then(Repos::read).ok_or("repos is missing or invalid")?;
        let min_integrity = allow
            .min_integrity
            .text()
            .and_then(|word| Level::from_name(&canonical(word)))
            .ok_or("min-integrity is missing or invalid")?;
        Ok(Policy {
            repos,
            min_integrity,
            blocked_users: Names::read("blocked-users", allow.blocked_users)?,
            trusted_users: Names::read("trusted-users", allow.trusted_users)?,
            approval_labels: Names::read("approval-labels", allow.approval_labels)?,
            refusal_labels: Names::read("refusal-labels", allow.refusal_labels)?,
            trusted_bots: Names::read("trusted-bots", raw.trusted_bots)?,
        })
    }

    /// Whether the policy vouches for this user or bot.
    pub fn trusts(&self, login: &str) -> bool {
        self.trusted_users.contains(login) || self.trusted_bots.contains(login)
    }
}
