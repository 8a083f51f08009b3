//! JSON objects in which no member is named twice (RFC 8259 §4, RFC 8725 §3.11).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// An object as a provider sent it.
pub(super) type Object = Map<String, Value>;

/// Reads an [`Object`]; at any depth, a member that is named twice is an error.
#[derive(Debug)]
pub(super) struct StrictObject(pub Object);

/// A value of which every object names each member once.
struct Strict(Value);

struct StrictVisitor;

/// Why bytes are no object.
#[derive(Debug)]
pub(super) struct NotAnObject(pub String);

/// Reads one object.
pub(super) fn parse_object(bytes: &[u8]) -> Result<Object, NotAnObject> {
    serde_json::from_slice(bytes)
        .map(|StrictObject(object)| object)
        .map_err(|error| NotAnObject(error.to_string()))
}

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Strict::deserialize(deserializer)?.0 {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(D::Error::custom("not an object")),
        }
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("member `{name}` is named twice")));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_once_at_any_depth() {
        for (text, ok) in [
            (r#"{"a":1,"b":[null,true,-2,2.5,"x",{"c":{}}]}"#, true),
            ("{}", true),
            (r#"{"sub":"ada","sub":"eve"}"#, false),
            (r#"{"sub":"ada","s\u0075b":"eve"}"#, false),
            (r#"{"a":[{"b":1,"b":2}]}"#, false),
            ("[]", false),
            ("", false),
            ("{} {}", false),
            ("<html>", false),
        ] {
            let parsed = parse_object(text.as_bytes()).ok();
            assert_eq!(parsed.is_some(), ok, "{text}");
            let plainly = serde_json::from_str::<Object>(text).ok();
            assert!(parsed.is_none() || parsed == plainly, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse_object(deep.as_bytes()).is_err());
    }
}
