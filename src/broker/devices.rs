//! Devices without a keyboard (RFC 8628): they show a code, a person who is signed in elsewhere lets them in.
//!
//! ```text
//! begin_device ─▶ waiting ─▶ the person decides ─▶ the device polls ─▶ tokens
//! ```
//!
//! A device that was let in has a session of its own: whoever signs out at the telephone leaves the ward's
//! screen alone. What ends at the provider, or with the account, ends there too.

use super::{
    Broker, Caller, Error,
    gate::{Gate, count_attempt},
    session::SignedIn,
    standing::Standing,
    tokens::{Asker, TokenError},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        words::{GrantId, SessionId, UnixTime},
    },
    op::{self, DeviceAuthorization, Parameters, TokenRefusal, TokenResponse},
    store::{
        self, Tx, consents,
        devices::{self, Answer, Device},
        grants::Grant,
        sessions::{self, BrowserSession},
        throttles,
    },
};

/// What a person is asked.
#[derive(Debug)]
pub struct Asked {
    /// As the device shows it.
    pub user_code: String,
    pub application: String,
    /// What the application will be able to do, in words.
    pub abilities: Vec<String>,
}

/// Why a person cannot let a device in.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("no device waits with this code")]
    Unknown,
    #[error("the application is not for people of this identity provider")]
    NotOffered,
    #[error("too many codes were tried; wait {0} seconds")]
    Throttled(i64),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for DeviceError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A decision in favour, with everything drawn that its commit stores.
#[derive(Clone)]
struct Admission {
    session: BrowserSession,
    /// Of a cookie that nobody has.
    cookie: String,
    /// Remembered as the person's word, to be taken back on the account page.
    scopes: Vec<String>,
    grant: Grant,
    /// Of a code that nobody has: the device redeems its own.
    code: String,
}

/// What the person said, and all that comes of it.
#[derive(Clone)]
struct Word {
    /// Of the device code.
    digest: String,
    admission: Option<Admission>,
    event: Event,
    now: UnixTime,
}

impl Word {
    fn run(&self, tx: &mut Tx<'_>) -> Result<(), DeviceError> {
        let grant = self.admission.as_ref().map(|admission| &admission.grant.id);
        if !devices::decide(tx, &self.digest, grant, self.now)? {
            return Err(DeviceError::Unknown);
        }
        let mut event = self.event.clone();
        if let Some(Admission { session, cookie, scopes, grant, code }) = &self.admission {
            sessions::create(tx, session, cookie)?;
            consents::give(tx, &grant.user_id, &grant.client_id, scopes, self.now)?;
            store::grants::create(tx, grant, code)?;
            event.session = Some(session.id.clone());
        }
        tx.audit(event);
        Ok(())
    }
}

impl Broker {
    /// `POST /oauth2/device_authorization` (RFC 8628 §3.1).
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub async fn begin_device(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<DeviceAuthorization, TokenError> {
        let answer = self.answer_begin_device(authorization, parameters).await;
        if let Err(TokenError::Refused(refusal)) = &answer {
            self.token_refused(authorization, parameters, refusal, caller).await;
        }
        answer
    }

    async fn answer_begin_device(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<DeviceAuthorization, TokenError> {
        let client = self.authenticate_client(authorization, parameters).await?;
        let request = op::check_device_request(parameters, &client.resource)?;
        let now = self.clock.now();
        let (device_code, user_code) = (self.random.token(), self.random.user_code());
        let device = Device {
            digest: sha256_base64url(&device_code),
            user_code: user_code.clone(),
            client: client.id.clone(),
            request,
            pace: op::DEVICE_PACE,
            // The first poll may come at once: the pace is between polls (RFC 8628 §3.5).
            polled_at: now.plus(-op::DEVICE_PACE),
            answer: Answer::Nothing,
            expires_at: now.plus(op::DEVICE_LIFETIME),
        };
        self.store.write(move |tx| Ok::<_, Error>(devices::create(tx, &device)?)).await?;
        Ok(DeviceAuthorization::new(self.issuer(), device_code, &user_code))
    }

    /// Which device shows this code, for the person to compare.
    ///
    /// # Errors
    /// [`DeviceError`]; wrong codes are counted, and slowed down.
    pub async fn device_asked(&self, code: &str, by: &SignedIn) -> Result<Asked, DeviceError> {
        let device = self.find_device(code, by).await?;
        self.asked_of(&device, by)
    }

    fn asked_of(&self, device: &Device, by: &SignedIn) -> Result<Asked, DeviceError> {
        let configuration = self.configuration();
        let client = configuration.client(&device.client).ok_or(DeviceError::Unknown)?;
        if !configuration.is_open_to(&client.resource, &by.session.authentication) {
            return Err(DeviceError::NotOffered);
        }
        Ok(Asked {
            user_code: op::shown_code(&device.user_code),
            application: client.resource.name.clone(),
            abilities: (device.request.scope.iter())
                .map(|scope| op::scope_in_words(&client.resource, scope))
                .collect(),
        })
    }

    async fn find_device(&self, code: &str, by: &SignedIn) -> Result<Device, DeviceError> {
        let (now, code) = (self.clock.now(), op::typed_code(code));
        let subject = format!("device/{}", by.session.authentication.user);
        let gate = [Gate { subject, free: 10, longest: 60 }];
        // An attempt stays counted although it is refused.
        let find = move |tx: &mut Tx<'_>| -> Result<Result<Device, DeviceError>, Error> {
            if let Some(seconds) = count_attempt(tx, &gate, now)? {
                return Ok(Err(DeviceError::Throttled(seconds)));
            }
            let Some(device) = devices::find_waiting(tx, &code, now)? else {
                return Ok(Err(DeviceError::Unknown));
            };
            // A right one is no failure, and makes no others good: anybody can have a code of his own.
            throttles::uncount(tx, &gate[0].subject)?;
            Ok(Ok(device))
        };
        self.store.write(find).await?
    }

    /// The person lets the device in, or not.
    ///
    /// # Errors
    /// [`DeviceError`]; [`DeviceError::Unknown`] also when it was decided meanwhile.
    pub async fn decide_device(
        &self,
        code: &str,
        yes: bool,
        by: &SignedIn,
        caller: &Caller,
    ) -> Result<Asked, DeviceError> {
        let device = self.find_device(code, by).await?;
        let asked = self.asked_of(&device, by)?;
        let now = self.clock.now();
        let outcome = if yes { Outcome::Success } else { Outcome::Refused };
        let word = Word {
            digest: device.digest.clone(),
            admission: yes.then(|| self.admission(&device, &by.session, now)),
            event: decided(caller.event(Action::DeviceDecided, outcome, now), &device, by),
            now,
        };
        let again = word.clone();
        match self.store.write(move |tx| word.run(tx)).await {
            // The same person agreed to the same application at another node in this moment.
            Err(DeviceError::Failed(Error::Store(store::Error::Duplicate))) => {
                self.store.write(move |tx| again.run(tx)).await?;
            }
            other => other?,
        }
        Ok(asked)
    }

    fn admission(&self, device: &Device, by: &BrowserSession, now: UnixTime) -> Admission {
        let (id, absolute) = (SessionId(self.random.uuid(now)), self.settings.sessions.absolute);
        let (authentication, upstream) = (by.authentication.clone(), by.upstream.clone());
        let session = BrowserSession::new(id, authentication, upstream, now, absolute);
        let (id, request) = (GrantId(self.random.uuid(now)), device.request.clone());
        let grant = Grant::new(id, request, &session, device.expires_at);
        let digest = || sha256_base64url(self.random.token());
        let scopes = device.request.scope.clone();
        Admission { session, cookie: digest(), scopes, grant, code: digest() }
    }

    /// A device polls (RFC 8628 §3.4, §3.5).
    ///
    /// # Errors
    /// [`TokenRefusal`]; [`TokenRefusal::AuthorizationPending`] and [`TokenRefusal::SlowDown`] while nobody
    /// has decided.
    pub(super) async fn redeem_device(
        &self,
        asker: &Asker<'_>,
        device_code: &str,
    ) -> Result<TokenResponse, TokenError> {
        let (now, client) = (self.clock.now(), asker.client);
        let (id, digest) = (client.id.clone(), sha256_base64url(device_code));
        let unspent = asker.unspent.clone();
        let mut redeeming = self.redeeming(asker, now);
        redeeming.event = redeeming.event.detail("device");
        let refresh_token = redeeming.refresh_token.clone();
        let polled = self
            .store
            .write(move |tx| -> Result<Result<Standing, TokenRefusal>, TokenError> {
                unspent.spend(tx)?;
                let device = devices::find(tx, &digest)?;
                let device = device.ok_or(TokenRefusal::UnknownDeviceCode)?;
                if device.client != id {
                    return Err(TokenRefusal::ForeignDeviceCode.into());
                }
                let grant = match answer(tx, &device, now)? {
                    Ok(grant) => grant,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let grant = store::grants::find(tx, &grant)?.ok_or(TokenRefusal::SessionEnded)?;
                Ok(Ok(redeeming.run(tx, grant)?))
            })
            .await?;
        let standing = polled?;
        let scope = standing.grant.request.scope.clone();
        self.mint(asker, standing, scope, None, refresh_token, now).await
    }
}

/// What the device hears. Its poll is noted, and a decision is heard once: both have to be committed.
fn answer(
    tx: &mut Tx<'_>,
    device: &Device,
    now: UnixTime,
) -> Result<Result<GrantId, TokenRefusal>, store::Error> {
    if now >= device.expires_at {
        return Ok(Err(TokenRefusal::ExpiredDeviceCode));
    }
    match &device.answer {
        Answer::Nothing => {
            let (pace, refusal) = op::device_wait(device.pace, device.polled_at, now);
            devices::polled(tx, &device.digest, pace, now)?;
            Ok(Err(refusal))
        }
        Answer::No => {
            devices::end(tx, &device.digest)?;
            Ok(Err(TokenRefusal::DeviceDenied))
        }
        Answer::Yes(grant) => {
            let heard = devices::end(tx, &device.digest)?;
            Ok(if heard { Ok(grant.clone()) } else { Err(TokenRefusal::UnknownDeviceCode) })
        }
    }
}

fn decided(event: Event, device: &Device, by: &SignedIn) -> Event {
    let user = &by.session.authentication.user;
    let mut event = event.by(Actor::User(user.clone()));
    event.user = Some(user.clone());
    event.idp = by.session.authentication.idp.clone();
    event.client = Some(device.client.clone());
    event
}
