//! Between the text of an input and the value of an element.

use serde_json::{Map, Value, json};

use super::input::{Input, Kind};
use crate::{domain::resource::Invalid, op::Parameters};

/// What an input shows of an element.
pub fn text(input: &Input, value: Option<&Value>) -> String {
    let Some(value) = value else { return String::new() };
    match &input.kind {
        Kind::Secret => String::new(),
        Kind::Yaml => yaml(value),
        Kind::Flag => if value == &json!(true) { "on" } else { "" }.to_owned(),
        Kind::Lines => items(value).join("\n"),
        Kind::Certificates => items(value).join("\n\n"),
        Kind::One { .. } | Kind::Several { .. } | Kind::Words => items(value).join(" "),
        Kind::Text(_) | Kind::Document | Kind::Number { .. } => word(value),
    }
}

/// What was typed into an input.
pub fn typed(input: &Input, form: &Parameters) -> String {
    match &input.kind {
        Kind::Several { choices, .. } => {
            let sent = |value: &&String| form.get(&format!("{}/{value}", input.path)).is_some();
            let sent = choices.iter().map(|choice| &choice.value).filter(sent);
            sent.cloned().collect::<Vec<_>>().join(" ")
        }
        Kind::Document => {
            let file =
                form.get(&format!("file/{}", input.path)).filter(|file| !file.trim().is_empty());
            file.or(form.get(input.path)).unwrap_or_default().replace("\r\n", "\n")
        }
        // As browsers send line ends (HTML §4.10.21.4), they would differ from what files have.
        _ => form.get(input.path).unwrap_or_default().replace("\r\n", "\n"),
    }
}

/// The element that a text stands for; `None`: left out.
///
/// # Errors
/// [`Invalid`] for YAML that is none.
pub fn value(input: &Input, text: &str) -> Result<Option<Value>, Invalid> {
    let trimmed = text.trim();
    let list = |items: Vec<&str>| Some(Value::from(items));
    Ok(match &input.kind {
        Kind::Flag => Some(json!(!trimmed.is_empty())),
        Kind::Lines => list(trimmed.lines().map(str::trim).filter(|l| !l.is_empty()).collect()),
        Kind::Words => list(trimmed.split_whitespace().collect()),
        Kind::Several { of, .. } => {
            Some(trimmed.split_whitespace().map(|word| reference(*of, word)).collect())
        }
        _ if trimmed.is_empty() => None,
        Kind::Yaml => Some(parse_yaml(input.path, trimmed)?),
        Kind::Certificates => Some(certificates(trimmed)),
        Kind::One { of, .. } => Some(reference(*of, trimmed)),
        Kind::Number { .. } => {
            Some(trimmed.parse::<i64>().map_or_else(|_| json!(trimmed), |number| json!(number)))
        }
        // A password may begin or end with a space.
        Kind::Secret => Some(json!(text)),
        Kind::Text(_) | Kind::Document => Some(json!(trimmed)),
    })
}

/// The element at a path, as in `name.0.family`.
pub fn find<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    document.pointer(&format!("/{}", path.replace('.', "/")))
}

/// Puts an element at a path, or takes it away with whatever becomes empty by that.
pub fn put(document: &mut Value, path: &str, value: Option<Value>) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    if let (Value::Array(items), Ok(index)) = (&mut *document, head.parse::<usize>()) {
        return put_item(items, index, rest, value);
    }
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Some(fields) = document.as_object_mut() else { return };
    match (rest, value) {
        (None, Some(value)) => drop(fields.insert(head.to_owned(), value)),
        (None, None) => drop(fields.remove(head)),
        (Some(_), None) if !fields.contains_key(head) => {}
        (Some(rest), value) => {
            let inner = fields.entry(head).or_insert_with(|| empty_for(rest));
            put(inner, rest, value);
            if is_empty(inner) {
                fields.remove(head);
            }
        }
    }
}

fn put_item(items: &mut Vec<Value>, index: usize, rest: Option<&str>, value: Option<Value>) {
    let Some(rest) = rest else { return };
    if items.len() == index && value.is_some() {
        items.push(Value::Object(Map::new()));
    }
    let Some(item) = items.get_mut(index) else { return };
    put(item, rest, value);
    if is_empty(item) {
        items.remove(index);
    }
}

fn empty_for(path: &str) -> Value {
    let index = path.split('.').next().is_some_and(|head| head.parse::<usize>().is_ok());
    if index { json!([]) } else { json!({}) }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

/// One value or a list, as words; references by their id.
fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(word).collect(),
        one => vec![word(one)],
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(fields) => {
            let reference = fields.get("reference").and_then(Value::as_str).unwrap_or_default();
            reference.split_once('/').map_or("", |(_, id)| id).to_owned()
        }
        other => other.to_string(),
    }
}

/// A word of a list of choices: a reference, a switch, or the word itself.
fn reference(of: Option<&str>, word: &str) -> Value {
    match (of, word) {
        (Some(kind), id) => json!({ "reference": format!("{kind}/{id}") }),
        (None, "true") => json!(true),
        (None, "false") => json!(false),
        (None, word) => json!(word),
    }
}

/// A PEM block ends where the next begins; text without any is one certificate in bare base64.
fn certificates(text: &str) -> Value {
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = text.split_inclusive(END).map(str::trim).filter(|block| !block.is_empty());
    match blocks.collect::<Vec<_>>().as_slice() {
        [one] => json!(one),
        many => json!(many),
    }
}

/// The element as YAML, without what has an input of its own.
fn yaml(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("preset");
    }
    if is_empty(&value) {
        return String::new();
    }
    serde_saphyr::to_string(&value).unwrap_or_default()
}

fn parse_yaml(path: &str, text: &str) -> Result<Value, Invalid> {
    // An attribute called `no` is no boolean.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Invalid::new(path, format!("is not YAML: {error}")))?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Invalid::new(path, "is not of the form of the example")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_and_go_with_what_holds_them() {
        let mut document = json!({ "a": 1 });
        put(&mut document, "name.0.given", Some(json!(["Ada"])));
        put(&mut document, "b.c", Some(json!(2)));
        assert_eq!(document, json!({ "a": 1, "b": { "c": 2 }, "name": [{ "given": ["Ada"] }] }));
        put(&mut document, "name.0.given", None);
        put(&mut document, "b.c", None);
        put(&mut document, "x.y", None);
        assert_eq!(document, json!({ "a": 1 }));
    }

    #[test]
    fn a_file_replaces_what_stands_in_the_field() {
        let input = Input::new("x", "X", Kind::Document);
        for (form, expected) in [
            ("x=old&file/x=new%0D%0A", "new\n"),
            ("x=old&file/x=", "old"),
            ("x=old", "old"),
            ("file/x=new", "new"),
        ] {
            let form = Parameters::parse(form.as_bytes()).expect("a form");
            assert_eq!(typed(&input, &form), expected);
        }
    }

    #[test]
    fn texts_and_values_are_two_sides_of_one_thing() {
        let of = Some("IdentityProvider");
        let pem =
            |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----");
        for (kind, stored) in [
            (Kind::Text("text"), json!("x")),
            (Kind::Number { min: 0, max: 9 }, json!(7)),
            (Kind::Lines, json!(["a b", "c"])),
            (Kind::Words, json!(["a", "b"])),
            (Kind::Flag, json!(true)),
            (Kind::Certificates, json!(pem("one"))),
            (Kind::Certificates, json!([pem("one"), pem("two")])),
            (Kind::Certificates, json!("MIIC base64")),
            (Kind::Yaml, json!({ "deny": ["identity.groups.size() == 0"] })),
            (Kind::Several { of, choices: vec![] }, json!([{ "reference": "IdentityProvider/a" }])),
            (Kind::One { of: None, choices: vec![] }, json!(false)),
        ] {
            let input = Input::new("x", "X", kind);
            let shown = text(&input, Some(&stored));
            assert_eq!(value(&input, &shown), Ok(Some(stored)), "{shown}");
        }
    }
}
