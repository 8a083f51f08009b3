//! The detail of a record, in one line for people.

use serde_json::{Map, Value};

/// Longer details are cut; the whole record is in `medict audit export`.
const LONGEST: usize = 160;

/// A change as what was changed, a new chain as how many it vouches for; anything else in words.
pub fn shorten(detail: &Value) -> String {
    let text = match (detail["resource"].as_str(), detail["anchors"].as_object()) {
        (Some(resource), _) => change(resource, &detail["before"], &detail["after"]),
        (None, Some(anchors)) => anchored(anchors.len()),
        (None, None) => words(detail),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn anchored(chains: usize) -> String {
    match chains {
        0 => "the first chain".to_owned(),
        1 => "anchored to 1 chain".to_owned(),
        many => format!("anchored to {many} chains"),
    }
}

fn change(resource: &str, before: &Value, after: &Value) -> String {
    // Whose account it was stands in a column of its own.
    let resource = if resource.starts_with("User/") { "User" } else { resource };
    let empty = Map::new();
    let (Some(before), after) = (before.as_object(), after.as_object().unwrap_or(&empty)) else {
        return resource.to_owned();
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let changed: Vec<_> = names.filter(|name| before.get(*name) != after.get(*name)).collect();
    let changed = changed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    format!("{resource}: {}", if changed.is_empty() { "secret" } else { &changed })
}

/// JSON without its signs: a list of things is parted by `;`, everything else by `,`.
fn words(value: &Value) -> String {
    let separator = match value {
        Value::Array(items) if items.iter().any(Value::is_object) => "; ",
        _ => ", ",
    };
    let parts: Vec<_> = match value {
        Value::String(text) => return text.clone(),
        Value::Array(items) => items.iter().map(words).collect(),
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !is_nothing(value));
            let told = |(name, value): (&String, &Value)| match value {
                Value::Bool(true) => name.clone(),
                value => format!("{name} {}", words(value)),
            };
            there.map(told).collect()
        }
        other => return other.to_string(),
    };
    parts.join(separator)
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn details_say_what_changed() {
        let before = json!({ "name": "A", "scopes": [], "enabled": true });
        let after = json!({ "name": "B", "scopes": [], "x": 1 });
        let with = |before: Value| {
            shorten(&json!({ "resource": "Role/r", "before": before, "after": after }))
        };
        assert_eq!(with(before), "Role/r: enabled, name, x");
        assert_eq!(with(after.clone()), "Role/r: secret");
        assert_eq!(with(Value::Null), "Role/r");
        assert_eq!(shorten(&json!("ä".repeat(200))).chars().count(), LONGEST + 1);
    }

    #[test]
    fn details_are_words() {
        let moved = json!({ "subject": "signingKey", "now": "ab", "policy": "alongside" });
        for (detail, text) in [
            (json!({ "anchors": {} }), "the first chain"),
            (json!({ "anchors": { "a": "1:x" } }), "anchored to 1 chain"),
            (json!({ "anchors": { "a": "1:x", "b": "2:y" } }), "anchored to 2 chains"),
            (json!({ "role": "r", "organization": null }), "role r"),
            (json!({ "first": true }), "first"),
            (json!({ "scopes": ["openid", "email"] }), "scopes openid, email"),
            (
                json!({ "federation": { "members": 3, "added": 1 }, "changes": [] }),
                "federation added 1, members 3",
            ),
            (
                json!({ "changes": [moved, moved] }),
                "changes now ab, policy alongside, subject signingKey; now ab, policy alongside, subject \
                 signingKey",
            ),
        ] {
            assert_eq!(shorten(&detail), text);
        }
    }
}
