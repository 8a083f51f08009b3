//! What believing a SAML response costs, against what nobody can do without: one RSA-2048 verification
//! and the SHA-256 of the document; decrypting: one RSA-2048 private operation.
//!
//! Every round measures every case and both floors in turn. Refusals end the run; slow answers never do.
//! With `MEDICT_BENCH_DOCUMENTS=DIR` the documents are written for the peers' drivers in `benches/peers/`.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    hint::black_box,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use medict::{
    domain::{resource::SamlConfiguration, trace::Trace, words::UnixTime},
    samples::saml_idp::{ResponseBuilder, SampleIdp},
    sp::{Idp, ServiceProvider, SpKey, make_certificate, verify_response},
};
use openssl::{
    ec::{EcGroup, EcKey},
    encrypt::{Decrypter, Encrypter},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sha::sha256,
    sign::{Signer, Verifier},
};
use serde_json::json;

const REQUEST: &str = "_4f1d5e0c8a7b";
const ACS: &str = "https://sso.hospital.example/saml/corporate/acs";
const SP: &str = "https://sso.hospital.example/saml/corporate/metadata";
const ROUNDS: usize = 9;
const SLICE: Duration = Duration::from_millis(40);

type Failure = Box<dyn std::error::Error>;

/// Counts what is held at once.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
#[expect(unsafe_code, reason = "an allocator cannot be written otherwise")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// One document and the provider that it comes from.
struct Case {
    name: &'static str,
    document: String,
    idp: Idp,
    certificate: String,
}

struct World {
    now: UnixTime,
    sp: ServiceProvider,
    rsa: PKey<Private>,
    cases: Vec<Case>,
}

impl World {
    fn new() -> Result<Self, Failure> {
        let now = UnixTime(1_795_600_000);
        let rsa = PKey::from_rsa(Rsa::generate(2048)?)?;
        let certificate = make_certificate(&rsa, "sso.hospital.example", now, &[7; 16])?;
        let keys = vec![SpKey { key: rsa.clone(), certificate: certificate.clone() }];
        let (entity_id, acs_url) = (SP.to_owned(), ACS.to_owned());
        let slo_url = ACS.replace("/acs", "/slo");
        let sp = ServiceProvider { entity_id, acs_url, slo_url, keys };
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let ec = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let name = "https://idp.hospital.example/metadata";
        let by_rsa = SampleIdp::new(name, "https://idp.hospital.example/sso", now)?;
        let by_ec = SampleIdp::with_key(name, "https://idp.hospital.example/sso", ec, now)?;
        let few = || person(&by_rsa, now, 12);
        let cases = vec![
            Case::new("assertion signed, RSA", &by_rsa, few())?,
            Case::new("response signed, RSA", &by_rsa, few().sign_response())?,
            Case::new("both signed, RSA", &by_rsa, few().sign_both())?,
            Case::new("assertion signed, P-256", &by_ec, person(&by_ec, now, 12))?,
            Case::new("800 groups, RSA", &by_rsa, person(&by_rsa, now, 800))?,
            Case::new("encrypted, RSA", &by_rsa, few().encrypted_for(&certificate))?,
        ];
        Ok(Self { now, sp, rsa, cases })
    }

    fn believe(&self, case: &Case) -> Result<Trace, Failure> {
        let mut trace = Trace::default();
        let request = REQUEST.into();
        let (sp, now) = (&self.sp, self.now);
        verify_response(&case.document, &case.idp, sp, &request, now, &mut trace)
            .map_err(|rejection| format!("{}: {rejection}", case.name))?;
        Ok(trace)
    }

    /// Bytes held at the worst moment, beyond what was held before.
    fn peak(&self, case: &Case) -> Result<usize, Failure> {
        let before = HELD.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        drop(self.believe(case)?);
        Ok(PEAK.load(Ordering::Relaxed) - before)
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("sp.key.pem"), self.rsa.private_key_to_pem_pkcs8()?)?;
        fs::write(folder.join("sp.crt.pem"), self.sp.keys[0].certificate.to_pem()?)?;
        let mut cases = Vec::new();
        for case in &self.cases {
            let file: String = case
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            fs::write(folder.join(format!("{file}.b64")), &case.document)?;
            fs::write(folder.join(format!("{file}.crt")), &case.certificate)?;
            cases.push(json!({ "name": case.name, "file": file }));
        }
        let meta = json!({
            "acs": ACS, "spEntityId": SP, "idpEntityId": "https://idp.hospital.example/metadata",
            "inResponseTo": REQUEST, "now": self.now.0, "cases": cases,
        });
        Ok(fs::write(folder.join("meta.json"), serde_json::to_vec_pretty(&meta)?)?)
    }
}

impl Case {
    fn new(
        name: &'static str,
        idp: &SampleIdp,
        response: ResponseBuilder,
    ) -> Result<Self, Failure> {
        let configuration: SamlConfiguration = serde_json::from_value(json!({
            "entityId": idp.entity_id(),
            "ssoUrl": idp.sso_url(),
            "x509Certificate": idp.certificate(),
        }))?;
        let certificate = idp.certificate();
        Ok(Self {
            name,
            document: response.build(),
            idp: Idp::new(&configuration, None)?,
            certificate,
        })
    }
}

/// What a hospital's directory says about somebody in `groups` groups.
fn person(idp: &SampleIdp, now: UnixTime, groups: usize) -> ResponseBuilder {
    let groups: Vec<String> = (0..groups).map(|n| format!("GG-Ward-{n:03}-Staff")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
    let claim = |name: &str| format!("{claims}{name}");
    let names = ["emailaddress", "givenname", "surname", "upn"].map(claim);
    let values: [&[&str]; 4] = [
        &["ada.lovelace@hospital.example"],
        &["Ada"],
        &["Lovelace"],
        &["alovelace@hospital.example"],
    ];
    let mut attributes: Vec<(&str, &[&str])> =
        names.iter().map(String::as_str).zip(values).collect();
    attributes.push(("http://schemas.xmlsoap.org/claims/Group", &groups));
    idp.respond_to(REQUEST, ACS, SP, now).person("8f14e45f-ceea-467a-9575", &attributes)
}

/// The work that no verifier can leave out.
struct Floor {
    key: PKey<Private>,
    signature: Vec<u8>,
    sealed: Vec<u8>,
}

impl Floor {
    fn new(key: &PKey<Private>) -> Result<Self, Failure> {
        let signature =
            Signer::new(MessageDigest::sha256(), key)?.sign_oneshot_to_vec(&[7; 600])?;
        let mut encrypter = Encrypter::new(key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        let mut sealed = vec![0; encrypter.encrypt_len(&[7; 32])?];
        let length = encrypter.encrypt(&[7; 32], &mut sealed)?;
        sealed.truncate(length);
        Ok(Self { key: key.clone(), signature, sealed })
    }

    fn verify(&self, document: &[u8]) -> Result<(), Failure> {
        black_box(sha256(document));
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        let good = verifier.verify_oneshot(&self.signature, &[7; 600])?;
        if good { Ok(()) } else { Err("a signature does not verify".into()) }
    }

    fn decrypt(&self) -> Result<(), Failure> {
        let mut decrypter = Decrypter::new(&self.key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        let mut secret = vec![0; decrypter.decrypt_len(&self.sealed)?];
        decrypter.decrypt(&self.sealed, &mut secret)?;
        black_box(secret);
        Ok(())
    }
}

/// Microseconds of processor time for one call, over a slice of time: others may be using the machine.
fn micros(mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let (clock, began, mut count) = (Instant::now(), cpu_time()?, 0_u32);
    while clock.elapsed() < SLICE {
        for _ in 0..16 {
            work()?;
        }
        count += 16;
    }
    Ok((cpu_time()? - began).as_secs_f64() * 1e6 / f64::from(count))
}

/// What this thread has spent so far.
fn cpu_time() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn run() -> Result<(), Failure> {
    let world = World::new()?;
    if let Some(folder) = std::env::var_os("MEDICT_BENCH_DOCUMENTS") {
        world.write(Path::new(&folder))?;
    }
    let floor = Floor::new(&world.rsa)?;
    println!("| response | bytes | CPU µs | floor µs | ÷ floor | peak heap, bytes |");
    println!("|:---------|------:|-------:|---------:|--------:|-----------------:|");
    for case in &world.cases {
        let document = BASE64_STANDARD.decode(&case.document)?;
        let (mut ours, mut least, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let cost = micros(|| world.believe(case).map(drop))?;
            let limit = if case.name.starts_with("encrypted") {
                micros(|| floor.decrypt())?
            } else {
                micros(|| floor.verify(&document))?
            };
            ratios.push(cost / limit);
            ours.push(cost);
            least.push(limit);
        }
        let (ours, least, ratio) = (median(ours), median(least), median(ratios));
        let (name, bytes, peak) = (case.name, document.len(), world.peak(case)?);
        println!("| {name} | {bytes} | {ours:.1} | {least:.1} | {ratio:.2} | {peak} |");
    }
    Ok(())
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench --bench saml`");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("saml: {failure}");
            ExitCode::FAILURE
        }
    }
}
