//! `AttributeStatement`: names, friendly names and values, structured where the provider's are
//! (SAML Core §2.7.3).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    decrypt::Opener,
    names::{ASSERTION, XSI},
    rejection::Rejection,
    statement::opened,
    tree::{Node, attribute, attribute_of, children, elements, is, text},
};

/// What the statements said, by `Name`.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// Each value is a list.
    pub(super) values: BTreeMap<String, Value>,
    /// `FriendlyName` → `Name`; the first one counts.
    pub(super) friendly_names: BTreeMap<String, String>,
}

/// Reads every attribute, the encrypted ones too.
pub(super) fn read(assertion: Node, opener: &Opener) -> Result<Attributes, Rejection> {
    let mut read = Attributes::default();
    for statement in children(assertion, ASSERTION, "AttributeStatement") {
        for node in elements(statement) {
            if is(node, ASSERTION, "Attribute") {
                read.take(node)?;
            } else if is(node, ASSERTION, "EncryptedAttribute") {
                opened(node, opener, "Attribute", |node| read.take(node))?;
            }
        }
    }
    Ok(read)
}

impl Attributes {
    fn take(&mut self, node: Node) -> Result<(), Rejection> {
        let name = attribute(node, "Name").ok_or(Rejection::Missing)?;
        if let Some(friendly) = attribute(node, "FriendlyName") {
            self.friendly_names.entry(friendly.to_owned()).or_insert_with(|| name.to_owned());
        }
        let values = children(node, ASSERTION, "AttributeValue").filter(|value| !is_nil(*value));
        let values = values.map(value).collect::<Result<Vec<_>, _>>()?;
        self.add(name, values);
        Ok(())
    }

    /// An attribute that comes twice has the values of both.
    fn add(&mut self, name: &str, more: Vec<Value>) {
        match self.values.get_mut(name) {
            Some(Value::Array(values)) => values.extend(more),
            _ => drop(self.values.insert(name.to_owned(), Value::Array(more))),
        }
    }

    /// The values of `name` that are text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.values.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str)
    }
}

fn is_nil(value: Node) -> bool {
    matches!(attribute_of(value, XSI, "nil"), Some("true" | "1"))
}

/// Text, or the structure of the elements inside (`eduPersonTargetedID`, `hl7v3:Role`).
fn value(node: Node) -> Result<Value, Rejection> {
    let mut inside = elements(node);
    match (inside.next(), inside.next()) {
        (None, _) => Ok(Value::from(text(node)?)),
        (Some(only), None) => Ok(structure(only)),
        (Some(_), Some(_)) => Ok(elements(node).map(structure).collect()),
    }
}

/// `{ element, attributes, text, children }`; the last three only where there is something.
fn structure(node: Node) -> Value {
    let mut object = Map::new();
    object.insert("element".to_owned(), node.name().into());
    let attributes: Map<String, Value> =
        node.attributes().map(|found| (found.name().to_owned(), found.value().into())).collect();
    let text: String =
        node.children().filter(Node::is_text).filter_map(|piece| piece.text()).collect();
    let inside: Vec<Value> = elements(node).map(structure).collect();
    if !attributes.is_empty() {
        object.insert("attributes".to_owned(), json!(attributes));
    }
    if !text.trim().is_empty() {
        object.insert("text".to_owned(), text.trim().into());
    }
    if !inside.is_empty() {
        object.insert("children".to_owned(), inside.into());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{tree::Tree, xml::Comments},
        *,
    };

    fn attributes(inside: &str) -> Attributes {
        let xml = format!(
            "<Assertion xmlns='{ASSERTION}' xmlns:xsi='{XSI}'><AttributeStatement>{inside}\
             </AttributeStatement></Assertion>"
        );
        let tree = Tree::parse(&xml, Comments::Refused).expect("parses");
        read(tree.root(), &Opener::new(&[], false)).expect("reads")
    }

    #[test]
    fn values_are_lists_of_texts_or_structures() {
        for (inside, expected) in [
            ("<AttributeValue>x</AttributeValue><AttributeValue/>", json!(["x", ""])),
            ("<AttributeValue xsi:nil='true'/>", json!([])),
            (
                "<AttributeValue><NameID NameQualifier='i'>ada</NameID></AttributeValue>",
                json!([{ "element": "NameID", "text": "ada",
                    "attributes": { "NameQualifier": "i" } }]),
            ),
            (
                "<AttributeValue><Role xmlns='urn:hl7-org:v3' code='1' displayName='Doctor'>\
                 <a/>y</Role></AttributeValue>",
                json!([{ "element": "Role", "text": "y", "children": [{ "element": "a" }],
                    "attributes": { "code": "1", "displayName": "Doctor" } }]),
            ),
        ] {
            let read = attributes(&format!("<Attribute Name='a'>{inside}</Attribute>"));
            assert_eq!(read.values["a"], expected, "{inside}");
        }
    }

    #[test]
    fn repeated_names_add_up_and_friendly_names_lead_to_them() {
        let read = attributes(
            "<Attribute Name='urn:a' FriendlyName='a'><AttributeValue>1</AttributeValue></Attribute>\
             <Attribute Name='urn:a'><AttributeValue>2</AttributeValue></Attribute>",
        );
        assert_eq!(read.values["urn:a"], json!(["1", "2"]));
        assert_eq!(read.friendly_names["a"], "urn:a");
    }
}
