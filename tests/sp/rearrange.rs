//! Rearranges a message as signature wrapping does, by a script of bytes: elements are copied, moved, taken out,
//! forged, wrapped; texts and attributes change places.

use roxmltree::Document;

/// What is put somewhere.
const PIECES: [&str; 12] = [
    "evil",
    "<!-- x -->",
    "<?x y?>",
    "<![CDATA[x]]>",
    "&#101;vil",
    "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">evil</saml:NameID>",
    "<saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:Subject>",
    "<Assertion ID=\"_x\"></Assertion>",
    "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>",
    "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Object>",
    " xmlns=\"urn:x\" ",
    " xml:lang=\"x\" ",
];

/// What something is wrapped in.
const WRAPPERS: [&str; 5] = [
    "samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
    "saml:Advice xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
    "ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"",
    "saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_w\"",
    "samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_v\"",
];

/// More steps only destroy.
const MOST_STEPS: usize = 12;

/// Follows the script, four bytes a step.
pub fn rearrange(xml: &str, script: &[u8]) -> String {
    let steps = script.chunks_exact(4).take(MOST_STEPS);
    steps.fold(xml.to_owned(), |xml, step| follow(&xml, step).unwrap_or(xml))
}

/// `None` where the step means nothing.
fn follow(xml: &str, step: &[u8]) -> Option<String> {
    let [verb, from, to, which] = [0, 1, 2, 3].map(|at| usize::from(step[at]));
    let elements = ranges(xml)?;
    let from = elements[from % elements.len()].clone();
    let to = elements[to % elements.len()].clone();
    let element = &xml[from.clone()];
    let piece = PIECES[which % PIECES.len()];
    match verb % 11 {
        0 => Some(insert(xml, to.start, element)),
        1 => Some(insert(xml, end_tag(xml, &to)?, element)),
        2 => Some(insert(&without(xml, &from), to.start.min(from.start), element)),
        3 => Some(without(xml, &from)),
        4 => Some(insert(xml, to.start, &forged(element))),
        5 => Some(insert(xml, end_tag(xml, &to)?, &forged(element))),
        6 => Some(replace(xml, &from, &wrapped(element, WRAPPERS[which % WRAPPERS.len()]))),
        7 => Some(replace(xml, &from, &xml[to])),
        8 => Some(insert(xml, to.start, piece)),
        9 => Some(insert(xml, xml[to.clone()].find('>')? + to.start + which % 2, piece)),
        _ => Some(replace(xml, &from, &with_id_of(element, &xml[to])?)),
    }
}

/// Where elements stand, of a text that is well-formed (still).
fn ranges(xml: &str) -> Option<Vec<std::ops::Range<usize>>> {
    let document = Document::parse(xml).ok()?;
    Some(document.descendants().filter(|node| node.is_element()).map(|node| node.range()).collect())
}

fn insert(xml: &str, at: usize, piece: &str) -> String {
    format!("{}{piece}{}", &xml[..at], &xml[at..])
}

fn without(xml: &str, range: &std::ops::Range<usize>) -> String {
    replace(xml, range, "")
}

fn replace(xml: &str, range: &std::ops::Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &xml[..range.start], &xml[range.end..])
}

fn end_tag(xml: &str, range: &std::ops::Range<usize>) -> Option<usize> {
    Some(range.start + xml[range.clone()].rfind("</")?)
}

fn wrapped(element: &str, wrapper: &str) -> String {
    let name = wrapper.split(' ').next().unwrap_or_default();
    format!("<{wrapper}>{element}</{name}>")
}

/// About somebody else, under other IDs.
fn forged(element: &str) -> String {
    let evil = element.replace(">ada<", ">evil<").replace(">ada@", ">evil@");
    evil.replace(" ID=\"_", " ID=\"_e")
}

/// The element under another's ID.
fn with_id_of(element: &str, other: &str) -> Option<String> {
    let id = |xml: &str| {
        let from = xml.find(" ID=\"")? + 5;
        Some(from..from + xml[from..].find('"')?)
    };
    let (own, other_id) = (id(element)?, id(other)?);
    Some(replace(element, &own, &other[other_id]))
}
