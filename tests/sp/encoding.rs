//! What the bytes are, before anybody believes them.

use super::*;

#[test]
fn only_utf8_xml_in_base64_is_read() {
    let xml = honest().build_xml();
    let utf16 = xml.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let utf16_with_mark = [&[0xff, 0xfe][..], &utf16].concat();
    let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{xml}");
    let utf7 = format!("<?xml version=\"1.0\" encoding=\"utf-7\"?>{xml}");
    let newer = format!("<?xml version=\"1.1\"?>{xml}");
    assert_refused([
        ("empty", String::new(), Rejection::NotWellFormed),
        ("not base64", "<samlp:Response/>".to_owned(), Rejection::NotBase64),
        ("base64url", "_-8=".to_owned(), Rejection::NotBase64),
        ("no padding", "YQ".to_owned(), Rejection::NotBase64),
        ("UTF-16", encode(utf16), Rejection::NotUtf8),
        ("UTF-16 with a mark", encode(utf16_with_mark), Rejection::NotUtf8),
        ("says UTF-16", encode(declared), Rejection::ForeignEncoding),
        ("says UTF-7", encode(utf7), Rejection::ForeignEncoding),
        ("XML 1.1", encode(newer), Rejection::ForeignEncoding),
        ("Latin-1", encode(b"<a>\xe4</a>"), Rejection::NotUtf8),
        ("not XML", encode("hello"), Rejection::NotWellFormed),
        ("another root", encode("<a/>"), Rejection::WrongRoot),
        ("cut off", encode(&xml[..xml.len() - 1]), Rejection::NotWellFormed),
        ("trailing", encode(format!("{xml}<a/>")), Rejection::NotWellFormed),
    ]);
}

#[test]
fn comments_instructions_and_document_types_are_refused_anywhere() {
    let xml = honest().build_xml();
    let inside = |piece: &str| encode(xml.replace(">ada<", &format!(">a{piece}da<")));
    let before = |piece: &str| encode(format!("{piece}{xml}"));
    assert_refused([
        ("comment in the NameID", inside("<!-- x -->"), Rejection::Comment),
        ("instruction in the NameID", inside("<?x y?>"), Rejection::ProcessingInstruction),
        ("comment before", before("<!-- x -->"), Rejection::Comment),
        ("stylesheet", before("<?xml-stylesheet href='x'?>"), Rejection::ProcessingInstruction),
        ("document type", before("<!DOCTYPE r [<!ENTITY x 'y'>]>"), Rejection::Doctype),
        ("unknown entity", inside("&x;"), Rejection::NotWellFormed),
        ("CDATA changes nothing signed", inside("<![CDATA[x]]>"), Rejection::DigestMismatch),
    ]);
}

#[test]
fn forms_that_canonicalization_evens_out_stay_accepted() {
    let xml = honest().build_xml();
    let declared =
        format!("\u{feff}<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\r\n{xml}");
    let as_cdata = xml.replace(">ada<", "><![CDATA[a]]>d&#97;<");
    let spaced = xml.replace("<saml:Conditions ", "<saml:Conditions\n\t");
    let unused = xml.replacen("<samlp:Response ", "<samlp:Response xmlns:unused='urn:x' ", 1);
    let lines = encode(&xml)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line) + "\r\n")
        .collect::<String>();
    for (name, response) in [
        ("declaration, mark, line end", encode(declared)),
        ("CDATA and references", encode(as_cdata)),
        ("white space in tags", encode(spaced)),
        ("unused namespace", encode(unused)),
        ("base64 in lines", lines),
    ] {
        let verified = verify(&response).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert_eq!(verified.statement().subject.as_deref(), Some("ada"), "{name}");
    }
}
