//! The most expensive inputs that we know: what 256 KiB can cost at worst, accepted or refused.
//!
//! Every input is judged some times; the table has the processor time of one, dearest first. Time decides nothing here; what bounds
//! the work is tested by its count (`tests/sp/floods.rs`, `tests/sp/mutations.rs`).

use std::{
    fs,
    io::Read,
    process::ExitCode,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, read::DeflateEncoder};
use medict::{
    domain::{trace::Trace, words::UnixTime},
    samples::saml_idp::{ResponseBuilder, SampleIdp},
    sp::{
        Delivered, Idp, Published, ServiceProvider, SpKey, make_certificate, verify_logout,
        verify_response,
    },
};
use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use serde_json::json;

const NOW: UnixTime = UnixTime(1_795_600_000);
const REQUEST: &str = "_request";
const ACS: &str = "https://sp.example/acs";
const ENTITY: &str = "https://sp.example/metadata";
const ISSUER: &str = "https://idp.example/metadata";
/// Bytes that a flood may have, so that the message around it still fits.
const ROOM: usize = 256 * 1024 - 8_192;
/// The processor's clock moves in steps of some milliseconds.
const SLICE: Duration = Duration::from_millis(250);
const REPEATS: u32 = 5;

type Failure = Box<dyn std::error::Error>;

struct World {
    sample: SampleIdp,
    idp: Idp,
    /// Knows the provider by as many keys as may be configured, the right one last.
    of_many_keys: Idp,
    sp: ServiceProvider,
}

impl World {
    fn new() -> Result<Self, Failure> {
        let sample = SampleIdp::new(ISSUER, "https://idp.example/sso", NOW)?;
        let mut certificates = Vec::new();
        for _ in 0..9 {
            certificates.push(SampleIdp::with_key(ISSUER, "", rsa(4096)?, NOW)?.certificate());
        }
        certificates.push(sample.certificate());
        let keys = [rsa(2048)?, rsa(2048)?].into_iter().map(|key| {
            let certificate = make_certificate(&key, "sp", NOW, &[7; 16])?;
            Ok(SpKey { key, certificate, published: Published::Both })
        });
        let keys = keys.collect::<Result<_, Failure>>()?;
        let sp = ServiceProvider {
            entity_id: ENTITY.to_owned(),
            acs_url: ACS.to_owned(),
            slo_url: "https://sp.example/slo".to_owned(),
            keys,
        };
        let idp = known(&[sample.certificate()])?;
        Ok(Self { idp, of_many_keys: known(&certificates)?, sample, sp })
    }

    fn honest(&self) -> ResponseBuilder {
        self.sample.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[("mail", &["ada@x"])])
    }

    /// An honest, signed assertion with a flood in the response around it.
    fn around(&self, flood: &str) -> String {
        let extensions = format!("<samlp:Extensions>{flood}</samlp:Extensions><samlp:Status>");
        self.honest().build_xml().replacen("<samlp:Status>", &extensions, 1)
    }

    /// A signed attribute that holds the flood, which is in canonical form.
    fn inside(&self, flood: &str) -> String {
        let attribute = format!(
            "<saml:Attribute Name=\"x\"><saml:AttributeValue>{flood}</saml:AttributeValue>\
             </saml:Attribute>"
        );
        self.honest().raw_attributes(&attribute).build_xml()
    }

    fn changed(&self, from: &str, to: &str) -> String {
        self.honest().build_xml().replacen(from, to, 1)
    }
}

fn rsa(bits: u32) -> Result<PKey<Private>, Failure> {
    Ok(PKey::from_rsa(Rsa::generate(bits)?)?)
}

fn known(certificates: &[String]) -> Result<Idp, Failure> {
    let configuration = json!({
        "entityId": ISSUER,
        "ssoUrl": "https://idp.example/sso",
        "x509Certificate": certificates,
    });
    Ok(Idp::new(&serde_json::from_value(configuration)?, None)?)
}

/// As many of a piece as there is room for; `#` becomes its number.
fn many(piece: &str) -> String {
    let mut out = String::with_capacity(ROOM);
    for number in 0_usize.. {
        let next = piece.replace('#', &format!("{number:x}"));
        if out.len() + next.len() > ROOM {
            break;
        }
        out += &next;
    }
    out
}

/// So many of a piece, numbered.
fn count(times: usize, piece: &str) -> String {
    (0..times).map(|number| piece.replace('#', &format!("{number:x}"))).collect()
}

const IN_C14N: &str =
    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">";

/// A `PrefixList` in the `CanonicalizationMethod`, and elements inside it: judged before any signature is.
fn prefix_list(world: &World, list: &str, inside: &str) -> String {
    let namespaces = count(20, " xmlns:n#=\"u\"");
    let list = format!(
        "{IN_C14N}<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\"\
         {namespaces} PrefixList=\"{list}\">{inside}</ec:InclusiveNamespaces>"
    );
    world.changed(IN_C14N, &list)
}

fn confirmations(world: &World) -> String {
    let one = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
               <saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-25T09:00:00Z\"/>\
               </saml:SubjectConfirmation>";
    world.changed("<saml:SubjectConfirmation ", &format!("{}<saml:SubjectConfirmation ", many(one)))
}

/// Many copies of the content key for us.
fn recipients(world: &World) -> String {
    let xml = world.honest().sign_response().encrypted_for(&world.sp.keys[1].certificate);
    let xml = xml.build_xml();
    let from = xml.find("<xenc:EncryptedKey>").unwrap_or_default();
    let end = "</xenc:EncryptedKey>";
    let to = xml.find(end).unwrap_or_default() + end.len();
    let unsigned = {
        let from = xml.find("<ds:Signature").unwrap_or_default();
        let to = xml.find("</ds:Signature>").unwrap_or_default() + 15;
        xml.replacen(&xml[from..to], "", 1)
    };
    let wrong = xml[from..to].replacen("<xenc:CipherValue>", "<xenc:CipherValue>AAAA", 1);
    unsigned.replacen(&xml[from..to], &wrong.repeat(ROOM / wrong.len()), 1)
}

fn parts(world: &World) -> String {
    let names: Vec<String> = (0..15).map(|n| format!("a{n}")).collect();
    let attributes: Vec<(&str, &[&str])> =
        names.iter().map(|name| (name.as_str(), &["x"][..])).collect();
    let response = world.honest().person("ada", &attributes);
    response.parts_encrypted_for(&world.sp.keys[1].certificate).build_xml()
}

fn inputs(world: &World) -> Vec<(&'static str, String)> {
    let around = |flood: &str| world.around(flood);
    let nested = count(40, "<a>") + &count(40, "</a>");
    let names = count(40, " xmlns:n#=\"u\"");
    let wide = count(46, " a#=\"v\"");
    vec![
        ("nothing unusual", world.honest().build_xml()),
        ("small elements", around(&many("<a/>").replace("</a>", "<a/>")[..4 * 18_000])),
        ("nested elements", around(&many(&nested)[..(40 * 7) * 480])),
        ("attributes", around(&many(&format!("<a{wide}/>")))),
        ("namespaces, the same everywhere", around(&many(&format!("<a{names}/>")))),
        ("namespaces, each another", around(&many("<a xmlns:n=\"#\"/>"))),
        ("namespaces in scope", around(&format!("<a{names}>{}</a>", &"<n0:b/>".repeat(18_000)))),
        ("IDs", around(&many("<a ID=\"#\"/>"))),
        ("pieces of text", around(&many("x<![CDATA[y]]>"))),
        ("references", around(&many("&#65;"))),
        ("one long text", around(&format!("<a>{}</a>", "x".repeat(ROOM)))),
        ("one long attribute of references", around(&format!("<a b=\"{}\"/>", many("&#65;")))),
        ("signatures", around(&many("<ds:Signature xmlns:ds=\"x\"/>"))),
        ("long names", around(&many(&format!("<{0}/>", "n".repeat(900))))),
        ("PrefixList", prefix_list(world, &many("n# "), "")),
        ("PrefixList over elements", prefix_list(world, &many("n# ")[..80_000], &"<n0:b/>".repeat(17_000))),
        ("SignatureValue", world.changed("<ds:SignatureValue>", &format!("<ds:SignatureValue>{}", "AAAA".repeat(ROOM / 4)))),
        ("audiences", world.changed("<saml:AudienceRestriction>", &format!("{}<saml:AudienceRestriction>", many("<saml:AudienceRestriction><saml:Audience>#</saml:Audience></saml:AudienceRestriction>")))),
        ("confirmations", confirmations(world)),
        ("recipients", recipients(world)),
        ("encrypted parts", parts(world)),
        ("signed: small elements", world.inside(&"<a></a>".repeat(18_000))),
        ("signed: text to escape", world.inside(&many("&amp;"))),
        ("signed: namespaces", world.inside(&many("<n:a xmlns:n=\"#\"></n:a>"))),
        ("signed: attributes", world.inside(&many(&format!("<a{}></a>", sorted(46))))),
        ("signed: a long namespace, used often", world.inside(&long_namespace())),
        ("a long namespace in SignedInfo", in_signed_info(world)),
        ("references in SignedInfo", world.changed("<ds:Reference ", &format!("{}<ds:Reference ", many("<ds:Reference/>")))),
        ("status messages", world.changed("<samlp:Status>", &format!("<samlp:Status><samlp:StatusMessage>{}</samlp:StatusMessage>", "x".repeat(ROOM)))),
        ("signed: values", world.honest().raw_attributes(&format!("<saml:Attribute Name=\"x\">{}</saml:Attribute>", many("<saml:AttributeValue>#</saml:AttributeValue>"))).build_xml()),
        ("signed: names", world.honest().raw_attributes(&many("<saml:Attribute Name=\"#\"></saml:Attribute>")).build_xml()),
    ]
}

/// Half of the room is one namespace, the other half elements that each show it.
fn long_namespace() -> String {
    let name = "u".repeat(ROOM / 2);
    format!("<a xmlns:n=\"{name}\">{}</a>", "<n:a></n:a>".repeat(ROOM / 2 / 11))
}

/// An attribute of a long namespace on each part of a `SignedInfo`, which is canonicalized before any key is tried.
fn in_signed_info(world: &World) -> String {
    let parts = ["SignatureMethod", "Reference", "DigestMethod", "DigestValue", "Transforms"];
    let xml = parts.iter().fold(world.honest().build_xml(), |xml, part| {
        xml.replacen(&format!("<ds:{part}"), &format!("<ds:{part} n:x=\"\""), 1)
    });
    let namespace = format!("<samlp:Response xmlns:n=\"{}\"", "u".repeat(ROOM));
    xml.replacen("<samlp:Response", &namespace, 1)
}

/// Attributes in canonical order.
fn sorted(times: usize) -> String {
    let mut names: Vec<String> = (0..times).map(|number| format!("a{number:x}")).collect();
    names.sort();
    names.iter().map(|name| format!(" {name}=\"v\"")).collect()
}

/// Milliseconds of processor time for one judgement on the average, and how it ended.
fn measured(mut judge: impl FnMut() -> String) -> Result<(f64, String), Failure> {
    let (clock, began, mut count) = (Instant::now(), cpu_time()?, 0_u32);
    loop {
        let end = judge();
        count += 1;
        if clock.elapsed() >= SLICE && count >= REPEATS {
            let spent = (cpu_time()? - began).as_secs_f64() * 1e3;
            return Ok((spent / f64::from(count), end));
        }
    }
}

fn measured_response(idp: &Idp, sp: &ServiceProvider, xml: &str) -> Result<(f64, String), Failure> {
    let response = BASE64_STANDARD.encode(xml);
    measured(|| {
        let mut trace = Trace::default();
        let outcome = verify_response(&response, idp, sp, &REQUEST.into(), NOW, &mut trace);
        outcome.map_or_else(|rejection| format!("{rejection:?}"), |_| "accepted".to_owned())
    })
}

fn measured_logout(world: &World, delivered: &Delivered) -> Result<(f64, String), Failure> {
    measured(|| {
        let mut trace = Trace::default();
        let outcome = verify_logout(delivered, &world.of_many_keys, &world.sp, NOW, &mut trace);
        outcome.map_or_else(|refused| format!("{:?}", refused.rejection), |_| "accepted".to_owned())
    })
}

/// What this thread has spent so far.
fn cpu_time() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Logout messages that nobody signed, or that somebody else did.
fn logouts() -> Result<Vec<(&'static str, usize, Delivered)>, Failure> {
    let mut deflated = Vec::new();
    DeflateEncoder::new(&vec![b'x'; 64 << 20][..], Compression::best())
        .read_to_end(&mut deflated)?;
    let deflated = BASE64_STANDARD.encode(deflated).replace('+', "%2B").replace('=', "%3D");
    let query = format!(
        "SAMLRequest={deflated}&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature={}",
        "A".repeat(344 - 2) + "%3D%3D",
    );
    let long = format!("{}{query}", "x=y&".repeat(ROOM / 4));
    let many = many("<samlp:SessionIndex>#</samlp:SessionIndex>");
    let request = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{many}</samlp:LogoutRequest>"
    );
    let post = Delivered::Post {
        saml_request: Some(BASE64_STANDARD.encode(&request)),
        saml_response: None,
        relay_state: None,
    };
    Ok(vec![
        (
            "logout by redirect: a bomb under a foreign signature",
            query.len(),
            Delivered::Redirect { query },
        ),
        ("logout by redirect: foreign parameters", long.len(), Delivered::Redirect { query: long }),
        ("logout by POST: session indexes", request.len(), post),
    ])
}

fn run() -> Result<(), Failure> {
    let world = World::new()?;
    let mut rows: Vec<_> = inputs(&world)
        .into_iter()
        .map(|(name, xml)| Ok((measured_response(&world.idp, &world.sp, &xml)?, name, xml.len())))
        .collect::<Result<_, Failure>>()?;
    for (name, bytes, delivered) in logouts()? {
        rows.push((measured_logout(&world, &delivered)?, name, bytes));
    }
    let foreign = SampleIdp::with_key(ISSUER, "", rsa(4096)?, NOW)?;
    let foreign = world.honest().signed_with(foreign.signing()).build_xml();
    rows.push((
        measured_response(&world.of_many_keys, &world.sp, &foreign)?,
        "ten RSA-4096 keys",
        foreign.len(),
    ));
    let curve = EcGroup::from_curve_name(Nid::SECP384R1)?;
    let mut certificates = Vec::new();
    for _ in 0..10 {
        let key = PKey::from_ec_key(EcKey::generate(&curve)?)?;
        certificates.push(SampleIdp::with_key(ISSUER, "", key, NOW)?.certificate());
    }
    let stranger = PKey::from_ec_key(EcKey::generate(&curve)?)?;
    let stranger = SampleIdp::with_key(ISSUER, "", stranger, NOW)?;
    let foreign = stranger.respond_to(REQUEST, ACS, ENTITY, NOW).build_xml();
    rows.push((
        measured_response(&known(&certificates)?, &world.sp, &foreign)?,
        "ten P-384 keys",
        foreign.len(),
    ));
    rows.sort_by(|one, other| other.0.0.total_cmp(&one.0.0));
    println!("| input | bytes | ms | ends with |\n|:------|------:|---:|:----------|");
    for ((time, end), name, bytes) in rows {
        println!("| {name} | {bytes} | {time:.2} | {end} |");
    }
    Ok(())
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench --bench floods`");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("floods: {failure}");
            ExitCode::FAILURE
        }
    }
}
