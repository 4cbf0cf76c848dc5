//! Tolerant reading of JSON: a value of another type than expected counts as absent and does no
//! harm to its neighbours (section 9).
//!
//! Every field is first skipped over as raw text, then read by its own type. So a surprise in one
//! field cannot make the whole object unreadable, and text that nobody asks for is never copied.

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::value::RawValue;

/// A scalar or array that may be missing or of another type.
#[derive(Clone, Debug)]
pub struct Val<T>(pub Option<T>);

impl<T> Default for Val<T> {
    fn default() -> Self {
        Val(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Val<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Val(serde_json::from_str(raw.get()).ok()))
    }
}

impl Val<String> {
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether the value is a string and exactly this one.
    pub fn is(&self, text: &str) -> bool {
        self.text() == Some(text)
    }
}

impl Val<bool> {
    pub fn is_true(&self) -> bool {
        self.0 == Some(true)
    }
}

/// An object that may be missing or something else. (A derived type alone would also accept an
/// array of its fields, hence the look at the first character.)
#[derive(Clone, Debug)]
pub struct Obj<T>(pub Option<T>);

impl<T> Default for Obj<T> {
    fn default() -> Self {
        Obj(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Obj<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Obj(read_object(raw.get())))
    }
}

impl<T> Obj<T> {
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

/// A number written as 1 to 15 digits, kept as written.
#[derive(Clone, Debug, Default)]
pub struct Digits(pub Option<String>);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&'de RawValue>::deserialize(deserializer)?.get();
        let plain = text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Digits(plain.then(|| text.to_owned())))
    }
}

/// The JSON text without the white space around it.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

pub fn is_object(text: &str) -> bool {
    trim(text).starts_with('{')
}

pub fn is_array(text: &str) -> bool {
    trim(text).starts_with('[')
}

/// Whether this text of an object is `{}`.
pub fn is_empty_object(text: &str) -> bool {
    trim(&trim(text)[1..]) == "}"
}

/// Whether the text is one JSON value and nothing else.
pub fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads an object of a known type; nothing if the text is anything but an object.
pub fn read_object<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    if !is_object(text) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The elements of an array, each as its own text.
pub fn read_array(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// The strings of an array; nothing if it holds anything else.
pub fn read_strings(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}
