//! The local way in: username or address, and a password of ours.
//!
//! Attempts are counted before they are tried, per account and per address, where all nodes see them.
//! A stranger who fails on purpose slows down himself, not the person whose name he types.

use super::{LoginError, Refusal, Step, Subject, finish::Local};
use crate::{
    broker::{
        Broker, Caller, Error,
        gate::{Gate, count_attempt},
    },
    crypto::{password, sha256_base64url},
    domain::{
        password::LONGEST,
        trace::{Actual, Trace},
        words::LoginId,
    },
    store::{self, throttles, users::Account},
};

/// This person from this address; this address; and, against many addresses, this person (NIST SP
/// 800-63B-4 §3.2.2: at most 100 consecutive failures, then one attempt a minute).
fn gates(identifier: &str, caller: &Caller) -> [Gate; 3] {
    let who = sha256_base64url(identifier.trim().to_lowercase());
    let address = &caller.address;
    [
        Gate { subject: format!("pair/{who}/{address}"), free: 5, longest: 900 },
        Gate { subject: format!("address/{address}"), free: 50, longest: 60 },
        Gate { subject: format!("account/{who}"), free: 100, longest: 60 },
    ]
}

impl Broker {
    /// The person typed a password.
    ///
    /// Unknown names, wrong passwords and accounts without one get the same answer after the same work.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::Throttled`]; the login waits for another attempt.
    pub async fn sign_in_with_password(
        &self,
        login: &LoginId,
        identifier: &str,
        password: String,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let mut trace = Trace::default();
        match self.check_password(identifier, password, caller, &mut trace).await {
            Ok(account) => {
                let mut pending = pending;
                pending.login.trace.steps.extend(trace.steps);
                let local = Local { user: account.user_id() };
                self.finish_local(pending, local, session, caller).await
            }
            Err(LoginError::Refused(refusal)) => {
                let subject = Subject { login: Some(pending.login), idp: None };
                Err(self.refuse(caller, subject, trace, refusal).await)
            }
            Err(failed) => Err(failed),
        }
    }

    async fn check_password(
        &self,
        identifier: &str,
        password: String,
        caller: &Caller,
        trace: &mut Trace,
    ) -> Result<Account, LoginError> {
        let now = self.clock.now();
        let gates = gates(identifier, caller);
        let name = identifier.trim().to_owned();
        let account = self
            .store
            .write(move |tx| -> Result<Option<Account>, LoginError> {
                if let Some(seconds) = count_attempt(tx, &gates, now)? {
                    return Err(Refusal::Throttled(seconds).into());
                }
                Ok(store::users::find_local(tx, &name)?)
            })
            .await?;
        trace.noted("identifier", Actual::personal(identifier));
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let right = self.verify_password(password, hash).await?;
        let account = account.filter(|_| right).ok_or(Refusal::WrongPassword)?;
        trace.passed("password", "the account's", Actual::plain("the account's"));
        self.forget_failures(identifier, caller).await?;
        if account.active { Ok(account) } else { Err(Refusal::Inactive.into()) }
    }

    /// One of a bounded number of hashes at a time, off the async threads.
    pub(in crate::broker) async fn verify_password(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        if password.chars().count() > LONGEST {
            return Ok(false);
        }
        let verify = move || password::verify(&password, hash.as_deref());
        self.hashing.run(verify).await
    }

    async fn forget_failures(&self, identifier: &str, caller: &Caller) -> Result<(), Error> {
        let [pair, address, account] = gates(identifier, caller);
        self.store
            .write(move |tx| -> Result<(), Error> {
                throttles::clear(tx, &pair.subject)?;
                // A whole hospital may come from one address: what succeeds there does not count against it.
                throttles::uncount(tx, &address.subject)?;
                Ok(throttles::clear(tx, &account.subject)?)
            })
            .await
    }
}
