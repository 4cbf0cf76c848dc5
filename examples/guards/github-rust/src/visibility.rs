//! Asking the host's backend whether a repository is public (section 5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::abi::{call_backend, log, Log};
use crate::json::{self, Val};
use crate::labels::{Repo, Target};
use crate::unwrap::{self, Root};

const TOOL: &str = "search_repositories";
/// The first buffer; an ordinary answer with one repository fits.
const FIRST_BUFFER: usize = 16 * 1024;
const MAX_BUFFER: usize = 16 * 1024 * 1024;
const MAX_ATTEMPTS: u32 = 4;
/// At most so many repositories are asked for in one call of a label function.
const MAX_ASKED: u32 = 20;
const MAX_CACHED: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Public,
    Private,
    Unknown,
}

impl Visibility {
    fn name(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Private => "private",
            Visibility::Unknown => "unknown",
        }
    }
}

/// The fields of a repository that tell who can see it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RepositoryFields {
    full_name: Val<String>,
    visibility: Val<String>,
    private: Val<bool>,
}

impl RepositoryFields {
    /// What the repository says of itself; `visibility` goes before `private`, and what is not
    /// public (`internal`, for example) counts as private.
    pub fn visibility(&self) -> Visibility {
        let public = match (self.visibility.text(), self.private.0) {
            (Some(word), _) => word.eq_ignore_ascii_case("public"),
            (None, Some(private)) => !private,
            (None, None) => return Visibility::Unknown,
        };
        if public {
            Visibility::Public
        } else {
            Visibility::Private
        }
    }

    fn is(&self, repo: &Repo) -> bool {
        self.full_name.text().map_or(false, |name| name.eq_ignore_ascii_case(&repo.full_name()))
    }
}

/// What is known of repositories, over all calls.
pub struct Visibilities {
    cache: BTreeMap<Repo, Visibility>,
    asked: u32,
}

impl Visibilities {
    pub fn new() -> Visibilities {
        Visibilities { cache: BTreeMap::new(), asked: 0 }
    }

    /// Starts counting anew.
    pub fn begin_call(&mut self) {
        self.asked = 0;
    }

    /// The repository as a target, its visibility asked.
    pub fn target(&mut self, repo: Repo) -> Target {
        let visibility = self.of(&repo);
        Target::Repo(repo, visibility)
    }

    /// The visibility of a repository, from the cache or from the backend.
    pub fn of(&mut self, repo: &Repo) -> Visibility {
        let name = repo.full_name();
        if let Some(known) = self.cache.get(repo) {
            log(Log::Debug, &format!("visibility: {name} is {} (cached)", known.name()));
            return *known;
        }
        if self.asked >= MAX_ASKED {
            log(Log::Warn, &format!("backend: no more than {MAX_ASKED} look-ups, {name} is unknown"));
            return Visibility::Unknown;
        }
        self.asked += 1;
        let answer = match ask(&name) {
            Ok(answer) => answer,
            Err(code) => {
                log(Log::Warn, &format!("backend: {TOOL} repo:{name} failed: {code}"));
                return Visibility::Unknown;
            }
        };
        let visibility = std::str::from_utf8(&answer).map_or(Visibility::Unknown, |text| read_answer(text, repo));
        log(Log::Debug, &format!("backend: {TOOL} repo:{name} is {}", visibility.name()));
        if visibility != Visibility::Unknown {
            if self.cache.len() >= MAX_CACHED {
                self.cache.clear();
            }
            self.cache.insert(repo.clone(), visibility);
        }
        visibility
    }
}

/// Calls the backend, with larger buffers as long as it says that one is too small. The error is
/// the last number it returned.
fn ask(name: &str) -> Result<Vec<u8>, i32> {
    let args = format!("{{\"query\":\"repo:{name}\"}}");
    let mut size = FIRST_BUFFER;
    for attempt in 1..=MAX_ATTEMPTS {
        let mut buffer = vec![0; size];
        let returned = call_backend(TOOL, &args, &mut buffer);
        if returned >= 0 {
            buffer.truncate(returned as usize);
            return Ok(buffer);
        }
        if returned != -2 {
            return Err(returned);
        }
        let hint = u32::from_le_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
        let larger = hint.max(size * 2);
        if larger > MAX_BUFFER || attempt == MAX_ATTEMPTS {
            break;
        }
        log(Log::Debug, &format!("backend: buffer of {size} is too small, trying {larger}"));
        size = larger;
    }
    Err(-2)
}

/// Finds the repository among the search results.
fn read_answer(text: &str, repo: &Repo) -> Visibility {
    let found = unwrap::open(text, |opened| match opened.root {
        Some(Root::Object(_, top)) if !opened.is_error => find(top.list("items").unwrap_or_default(), repo),
        _ => Visibility::Unknown,
    });
    found.unwrap_or(Visibility::Unknown)
}

fn find(items: Vec<&RawValue>, repo: &Repo) -> Visibility {
    items
        .iter()
        .filter_map(|item| json::read_object::<RepositoryFields>(item.get()))
        .find(|fields| fields.is(repo))
        .map_or(Visibility::Unknown, |fields| fields.visibility())
}
