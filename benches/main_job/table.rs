//! What is printed.

use std::time::Duration;

use crate::{LANES, ROUNDS, load::Round, primitives::Primitives, server::Server};

/// One operation and its measured rounds.
pub struct Row {
    name: &'static str,
    requests: u32,
    pub rounds: Vec<Round>,
    /// The same at the peer.
    pub peer: Vec<Round>,
}

impl Row {
    pub const fn new(name: &'static str, requests: u32) -> Self {
        Self { name, requests, rounds: Vec::new(), peer: Vec::new() }
    }
}

pub fn heading(server: &Server, primitives: &Primitives) {
    let core = if server.pinned { "one core" } else { "any core" };
    println!(
        "medict {} on {}, {core} for the server (process {}), {LANES} connections, medians of \
         {ROUNDS} rounds\n",
        env!("CARGO_PKG_VERSION"),
        server.database,
        server.process_id()
    );
    println!(
        "primitives, CPU µs: RSA-2048 sign {:.0}, verify {:.0}; P-256 sign {:.0}, verify {:.0}; \
         a password {:.0}; a durable write takes {:.0} µs",
        micros(primitives.rsa_sign),
        micros(primitives.rsa_verify),
        micros(primitives.p256_sign),
        micros(primitives.p256_verify),
        micros(primitives.password),
        micros(primitives.durable_write)
    );
    println!(
        "start to first answer {:.0} ms, idle {:.1} MiB\n",
        micros(server.start) / 1_000.0,
        mebibytes(server.idle_memory)
    );
}

pub fn print(rows: &[Row]) {
    println!(
        "| {:27} | requests | CPU µs | min–max | ÷ RSA sign | min–max | per core and s | \
         ops/s | p50 ms | p99 ms | peer, CPU µs | peer ÷ ours |",
        "operation"
    );
    println!(
        "|:{0:-<28}|---------:|-------:|--------:|-----------:|--------:|---------------:|\
         ------:|-------:|-------:|-------------:|------------:|",
        ""
    );
    for row in rows {
        print_row(row);
    }
    println!(
        "\nA ratio is to one RSA-2048 signature on the same core right after the round. p50 and p99 are of \
         single requests, of the middle round."
    );
}

fn print_row(row: &Row) {
    let of = |value: fn(&Round) -> f64| sorted(row.rounds.iter().map(value).collect());
    let cpu = of(|round| micros(round.cpu));
    let ratio = of(|round| micros(round.cpu) / micros(round.signature));
    let p50 = of(|round| micros(percentile(&round.latencies, 50)) / 1_000.0);
    let p99 = of(|round| micros(percentile(&round.latencies, 99)) / 1_000.0);
    let theirs = sorted(row.peer.iter().map(|round| micros(round.cpu)).collect());
    let peer = theirs.get(theirs.len() / 2).copied();
    let (middle, last) = (cpu.len() / 2, cpu.len() - 1);
    println!(
        "| {:27} | {:8} | {:6.0} | {:>7} | {:10.2} | {:>9} | {:14.0} | {:5.0} | {:6.2} | {:6.2} | {:>12} | \
         {:>11} |",
        row.name,
        row.requests,
        cpu[middle],
        format!("{:.0}–{:.0}", cpu[0], cpu[last]),
        ratio[middle],
        format!("{:.2}–{:.2}", ratio[0], ratio[last]),
        1e6 / cpu[middle],
        of(|round| round.per_second)[middle],
        p50[middle],
        p99[middle],
        peer.map_or_else(|| "–".to_owned(), |peer| format!("{peer:.0}")),
        peer.map_or_else(|| "–".to_owned(), |peer| format!("{:.1}", peer / cpu[middle])),
    );
}

pub fn footer(peak: u64, audit: &str) {
    println!("peak memory {:.1} MiB; {audit}", mebibytes(peak));
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2⁵² KiB")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1_024.0
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// `sorted` has at least one.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
