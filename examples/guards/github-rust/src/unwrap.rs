//! Taking the MCP wrapper off a result, and a first look at what is inside (section 7).
//!
//! Results are large, and each reading costs the host time; so one pass over an object finds all
//! that is asked of its top level, and text is only decoded once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize as Derive;
use serde_json::value::RawValue;

use crate::json::{self, Val};

/// What a result comes to.
pub struct Opened<'a> {
    /// The data; nothing if it is text that is not JSON.
    pub root: Option<Root<'a>>,
    pub is_error: bool,
    /// Whether there was nothing at all: no text and no content of another type.
    pub is_blank: bool,
}

/// A JSON value, read to the depth of its top level.
#[allow(clippy::large_enum_variant)] // Only one is alive at a time.
pub enum Root<'a> {
    Null,
    Scalar,
    Array(Vec<&'a RawValue>),
    /// The text of the object and the keys of interest.
    Object(&'a str, Top<'a>),
}

/// The keys that may matter at the top of a result or of the data in it.
#[derive(Derive, Default)]
#[serde(default)]
pub struct Top<'a> {
    content: Content,
    #[serde(rename = "isError")]
    is_error: Val<bool>,
    message: Val<String>,
    documentation_url: Val<String>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(borrow)]
    workflow_runs: Option<&'a RawValue>,
    #[serde(borrow)]
    jobs: Option<&'a RawValue>,
    #[serde(borrow)]
    artifacts: Option<&'a RawValue>,
    #[serde(borrow)]
    issues: Option<&'a RawValue>,
    #[serde(borrow)]
    pull_requests: Option<&'a RawValue>,
    #[serde(borrow)]
    discussions: Option<&'a RawValue>,
    #[serde(borrow)]
    releases: Option<&'a RawValue>,
    #[serde(borrow)]
    repositories: Option<&'a RawValue>,
}

impl<'a> Top<'a> {
    /// The elements under that key, if it is one of the list keys and holds an array.
    pub fn list(&self, key: &str) -> Option<Vec<&'a RawValue>> {
        let raw = match key {
            "items" => self.items,
            "workflow_runs" => self.workflow_runs,
            "jobs" => self.jobs,
            "artifacts" => self.artifacts,
            "issues" => self.issues,
            "pull_requests" => self.pull_requests,
            "discussions" => self.discussions,
            "releases" => self.releases,
            "repositories" => self.repositories,
            _ => None,
        };
        json::read_array(raw?.get())
    }

    /// Whether this is the body of a REST error.
    fn is_error_body(&self) -> bool {
        self.message.0.is_some() && self.documentation_url.0.is_some()
    }
}

impl<'a> Root<'a> {
    /// Nothing if the text is not JSON.
    fn read(text: &'a str) -> Option<Root<'a>> {
        if json::is_object(text) {
            return serde_json::from_str(text).ok().map(|top| Root::Object(text, top));
        }
        if json::is_array(text) {
            return json::read_array(text).map(Root::Array);
        }
        if json::trim(text) == "null" {
            return Some(Root::Null);
        }
        serde_json::from_str::<IgnoredAny>(text).ok().map(|_| Root::Scalar)
    }

    fn is_error_body(&self) -> bool {
        matches!(self, Root::Object(_, top) if top.is_error_body())
    }
}

/// Opens a result and hands it to `read`. Nothing if the result cannot be read.
pub fn open<R>(result: &str, read: impl FnOnce(Opened) -> R) -> Option<R> {
    match Root::read(result)? {
        Root::Object(_, Top { content: Content::Parts { text, left_out }, is_error, .. }) => {
            let root = Root::read(&text);
            let is_error = is_error.is_true() || root.as_ref().map_or(false, Root::is_error_body);
            Some(read(Opened { root, is_error, is_blank: text.is_empty() && !left_out }))
        }
        root => {
            let is_error = root.is_error_body();
            Some(read(Opened { root: Some(root), is_error, is_blank: false }))
        }
    }
}

// ---- The content of a wrapper ------------------------------------------------------------------

/// The key `content`, which makes an object a wrapper if it holds an array.
#[derive(Default)]
enum Content {
    #[default]
    Other,
    /// The text of all parts, and whether a part was left out, an image for example.
    Parts { text: String, left_out: bool },
}

/// One element of the content.
#[derive(Derive, Default)]
#[serde(default)]
struct Part {
    #[serde(rename = "type")]
    part_type: Val<String>,
    text: Text,
}

/// A string, or nothing of interest. A string that cannot be decoded is an error, not absent: the
/// host might read it otherwise than we do.
#[derive(Default)]
struct Text(Option<String>);

/// An element that may be something else than an object.
struct MaybePart(Option<Part>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("content")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
                let mut text = String::new();
                let mut left_out = false;
                while let Some(MaybePart(part)) = parts.next_element()? {
                    let part = part.unwrap_or_default();
                    if matches!(part.part_type.text(), Some("image" | "audio" | "resource" | "resource_link")) {
                        left_out = true;
                    } else if let Some(more) = part.text.0 {
                        // The first part is nearly always the only one; it need not be copied.
                        match text.is_empty() {
                            true => text = more,
                            false => text.push_str(&more),
                        }
                    }
                }
                Ok(Content::Parts { text, left_out })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
                skip_map(map).map(|()| Content::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Content, E> {
                Ok(Content::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
                Ok(Content::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
                Ok(Content::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
                Ok(Content::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
                Ok(Content::Other)
            }

            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content::Other)
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

impl<'de> Deserialize<'de> for MaybePart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;

        impl<'de> Visitor<'de> for PartVisitor {
            type Value = MaybePart;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a content part")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MaybePart, A::Error> {
                Part::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|part| MaybePart(Some(part)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<MaybePart, A::Error> {
                skip_seq(seq).map(|()| MaybePart(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }

            fn visit_unit<E>(self) -> Result<MaybePart, E> {
                Ok(MaybePart(None))
            }
        }

        deserializer.deserialize_any(PartVisitor)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Some(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text(Some(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                skip_map(map).map(|()| Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text, A::Error> {
                skip_seq(seq).map(|()| Text(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(None))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
