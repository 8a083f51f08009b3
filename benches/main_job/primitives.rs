//! What the machine can do: measured in the same run, so that figures can be told as ratios.

use std::{
    fs::{self, File},
    io::Write,
    time::{Duration, Instant},
};

use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    sign::{Signer, Verifier},
};

use medict::crypto::{Random, password};

use crate::{Failure, operations::PASSWORD, server::pinned};

/// Processor time of one operation each; of the durable write, the time that passes.
pub struct Primitives {
    pub rsa_sign: Duration,
    pub rsa_verify: Duration,
    pub p256_sign: Duration,
    pub p256_verify: Duration,
    /// Of checking one: argon2id, 19 MiB, two passes.
    pub password: Duration,
    pub durable_write: Duration,
}

pub fn measure() -> Result<Primitives, Failure> {
    let rsa = PKey::from_rsa(Rsa::generate(2048)?)?;
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let p256 = PKey::from_ec_key(EcKey::generate(&group)?)?;
    Ok(Primitives {
        rsa_sign: of_signing(&rsa)?,
        rsa_verify: of_verifying(&rsa)?,
        p256_sign: of_signing(&p256)?,
        p256_verify: of_verifying(&p256)?,
        password: of_a_password()?,
        durable_write: of_a_durable_write()?,
    })
}

/// What makes this program do one thing only: measure a signature.
pub const ONE_SIGNATURE: &str = "--one-signature";

/// Prints what one RSA-2048 signature costs in nanoseconds.
pub fn print_signature() -> Result<(), Failure> {
    let rsa = PKey::from_rsa(Rsa::generate(2048)?)?;
    println!("{}", of_signing(&rsa)?.as_nanos());
    Ok(())
}

/// What one RSA-2048 signature costs at this moment on the core of the servers: a shared machine is faster in one
/// second than in the next, and a ratio is worth most between neighbours.
pub fn signature_now() -> Result<Duration, Failure> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("a program with a strange name")?;
    let output = pinned(program).args([ONE_SIGNATURE]).output()?;
    Ok(Duration::from_nanos(String::from_utf8(output.stdout)?.trim().parse()?))
}

const MESSAGE: &[u8] = &[7; 600];

fn sign(key: &PKey<Private>) -> Result<Vec<u8>, Failure> {
    Ok(Signer::new(MessageDigest::sha256(), key)?.sign_oneshot_to_vec(MESSAGE)?)
}

fn of_signing(key: &PKey<Private>) -> Result<Duration, Failure> {
    median(|| sign(key).map(drop))
}

fn of_verifying(key: &PKey<Private>) -> Result<Duration, Failure> {
    let signature = sign(key)?;
    median(|| {
        let mut verifier = Verifier::new(MessageDigest::sha256(), key)?;
        if verifier.verify_oneshot(&signature, MESSAGE)? {
            Ok(())
        } else {
            Err("a signature does not verify".into())
        }
    })
}

fn of_a_password() -> Result<Duration, Failure> {
    let hash = password::hash(Random, PASSWORD)?;
    median(|| match password::verify(PASSWORD, Some(&hash)) {
        true => Ok(()),
        false => Err("a password does not verify".into()),
    })
}

/// The middle one of five batches, each some 20 ms long.
fn median(mut work: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let mut batches = Vec::new();
    for _ in 0..5 {
        let (began, mut count) = (cpu_time()?, 0);
        let clock = Instant::now();
        while clock.elapsed() < Duration::from_millis(20) {
            work()?;
            count += 1;
        }
        batches.push((cpu_time()? - began) / count);
    }
    batches.sort_unstable();
    Ok(batches[2])
}

/// What this thread has spent so far.
fn cpu_time() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Appending a page to a file and waiting until it lies on the disk.
fn of_a_durable_write() -> Result<Duration, Failure> {
    let path = std::env::temp_dir().join(format!("medict-bench-{}.page", std::process::id()));
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
