//! Sixteen lanes take operations from one counter until there are none left.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    primitives::signature_now,
    server::cpu_time,
    site::Site,
    wire::{Answer, Connection},
};

/// One connection, and the browser and the application that use it.
pub struct Lane {
    connection: Connection,
    pub site: Arc<Site>,
    /// Of every request of this round.
    latencies: Vec<Duration>,
    /// The cookies of a browser in which somebody is signed in, as a header line.
    pub cookies: String,
    /// What userinfo and introspection are asked with.
    pub access_token: String,
    /// The present one.
    pub refresh_token: String,
}

/// What one round of one operation came to.
pub struct Round {
    /// Processor time of the server per operation.
    pub cpu: Duration,
    /// Of one RSA-2048 signature, right after.
    pub signature: Duration,
    pub per_second: f64,
    /// Of single requests, sorted.
    pub latencies: Vec<Duration>,
}

impl Lane {
    pub fn open(site: &Arc<Site>) -> Result<Self, Failure> {
        Ok(Self {
            connection: Connection::open(site.port)?,
            site: Arc::clone(site),
            latencies: Vec::new(),
            cookies: String::new(),
            access_token: String::new(),
            refresh_token: String::new(),
        })
    }

    /// A server may have closed what lay idle while the other was measured.
    pub fn reconnect(&mut self) -> Result<(), Failure> {
        self.connection = Connection::open(self.site.port)?;
        Ok(())
    }

    pub fn get(&mut self, path: &str, headers: &str) -> Result<Answer, Failure> {
        let began = Instant::now();
        let answer = self.connection.get(path, headers)?;
        self.latencies.push(began.elapsed());
        Ok(answer)
    }

    pub fn post(&mut self, path: &str, headers: &str, form: &str) -> Result<Answer, Failure> {
        let began = Instant::now();
        let answer = self.connection.post(path, headers, form)?;
        self.latencies.push(began.elapsed());
        Ok(answer)
    }
}

impl Round {
    /// Runs `work` `count` times and reads what the lanes' server spent on it.
    pub fn of(
        lanes: &mut [Lane],
        count: usize,
        work: impl Fn(&mut Lane, usize) -> Result<(), Failure> + Sync,
    ) -> Result<Self, Failure> {
        let process = lanes.first().ok_or("no lane")?.site.process;
        let (spent, began) = (cpu_time(process)?, Instant::now());
        share(lanes, count, work)?;
        let (took, spent) = (began.elapsed(), cpu_time(process)?.saturating_sub(spent));
        let operations = u32::try_from(count)?;
        let mut latencies: Vec<_> =
            lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.latencies)).collect();
        latencies.sort_unstable();
        let per_second = f64::from(operations) / took.as_secs_f64();
        let signature = signature_now()?;
        Ok(Self { cpu: spent / operations, signature, per_second, latencies })
    }
}

/// Runs `work` `count` times on all lanes at once; the first failure ends it.
pub fn share(
    lanes: &mut [Lane],
    count: usize,
    work: impl Fn(&mut Lane, usize) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = |lane: &mut Lane| -> Result<(), Failure> {
        lane.latencies.clear();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            work(lane, at).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = lanes.iter_mut().map(|lane| scope.spawn(move || run(lane))).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => Err("a lane panicked".into()),
        })
    })
}
