//! Applications that register themselves (RFC 7591) and keep their registration up (RFC 7592), behind a token
//! that an administrator gives out.

use super::{
    Broker, Caller, Error,
    resources::{Author, Mode, Prepared, WriteError, write_one},
};
use crate::{
    crypto::{same, sha256_base64url},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        resource::{ClientApplication, Invalid, Resource},
        roles::Powers,
        words::{ClientId, OrganizationId, UnixTime},
    },
    op::{ClientInformation, ClientMetadata, RegistrationRefusal},
    store::{
        self, Tx,
        registrations::{self, Registration, RegistrationToken},
    },
};

/// A refusal, or a failure on our side.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error(transparent)]
    Refused(#[from] RegistrationRefusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for RegistrationError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<WriteError> for RegistrationError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Failed(error) => Self::Failed(error),
            WriteError::Invalid(invalid) => RegistrationRefusal::from(invalid).into(),
            other => RegistrationRefusal::Metadata(other.to_string()).into(),
        }
    }
}

/// What an administrator says of a token for registering.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    pub organization: Option<OrganizationId>,
    /// From now on.
    pub days: i64,
    /// So many applications.
    pub uses: i64,
}

const MOST_DAYS: i64 = 365;
const MOST_USES: i64 = 1_000;

impl Broker {
    /// Gives out a token by which applications register; answers it, this once.
    ///
    /// # Errors
    /// [`WriteError::Invalid`].
    pub async fn issue_registration_token(
        &self,
        new: NewToken,
        author: &Author,
        caller: &Caller,
    ) -> Result<String, WriteError> {
        check_token(&new)?;
        let (token, now) = (self.random.token(), self.clock.now());
        let row = RegistrationToken {
            digest: sha256_base64url(&token),
            name: new.name,
            organization: new.organization,
            created_at: now,
            expires_at: now.plus(new.days * 86_400),
            uses_left: new.uses,
        };
        let event = self.change_event(author, Some(caller));
        let event = Event { action: Action::RegistrationTokenIssued, ..event }.detail(told(&row));
        self.store
            .write(move |tx| -> Result<(), WriteError> {
                if let Some(id) = &row.organization
                    && store::resources::find(tx, "Organization", id.as_str())?.is_none()
                {
                    return Err(Invalid::new("organization", "does not exist").into());
                }
                registrations::create_token(tx, &row)?;
                tx.audit(event.clone());
                Ok(())
            })
            .await?;
        Ok(token)
    }

    /// The tokens that can still be used, the newest first.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationToken>, Error> {
        let now = self.clock.now();
        self.store.read(move |conn| Ok(registrations::tokens(conn, now)?)).await
    }

    /// Takes a token back, by its digest; what registered by it stays.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn end_registration_token(
        &self,
        digest: &str,
        author: &Author,
        caller: &Caller,
    ) -> Result<(), Error> {
        let digest = digest.to_owned();
        let event = self.change_event(author, Some(caller));
        let event = Event { action: Action::RegistrationTokenEnded, ..event };
        self.store
            .write(move |tx| -> Result<(), Error> {
                let Some(token) = registrations::find_token(tx, &digest)? else { return Ok(()) };
                if registrations::end_token(tx, &digest)? {
                    tx.audit(event.clone().detail(told(&token)));
                }
                Ok(())
            })
            .await
    }

    /// `POST /oauth2/register` (RFC 7591 §3.1).
    ///
    /// # Errors
    /// [`RegistrationRefusal`]; nothing was written, and the token is as good as before.
    pub async fn register(
        &self,
        token: Option<&str>,
        metadata: ClientMetadata,
        caller: &Caller,
    ) -> Result<ClientInformation, RegistrationError> {
        let answer = self.answer_register(token, metadata, caller).await;
        self.record_refusal(&answer, None, caller).await;
        answer
    }

    async fn answer_register(
        &self,
        token: Option<&str>,
        metadata: ClientMetadata,
        caller: &Caller,
    ) -> Result<ClientInformation, RegistrationError> {
        let (now, digest) = (self.clock.now(), sha256_base64url(token.unwrap_or_default()));
        let wanted = digest.clone();
        let find = move |conn: &mut _| Ok::<_, Error>(registrations::find_token(conn, &wanted)?);
        let initial = self.store.read(find).await?;
        let initial = initial.ok_or(RegistrationRefusal::Token)?;
        let id = ClientId(self.random.uuid(now));
        let client = metadata.register(&id, initial.organization.as_ref())?;
        let access = self.random.token();
        let registration = Registration {
            client_id: id.0.clone(),
            digest: sha256_base64url(&access),
            registered_at: now.0,
            token: initial.name,
        };
        let (author, prepared) = self.own_change(client.clone(), Mode::Create).await?;
        let event = self.change_event(&author, Some(caller));
        let secret = self
            .store
            .write(move |tx| -> Result<Option<String>, RegistrationError> {
                if !registrations::spend_token(tx, &digest, now)? {
                    return Err(RegistrationRefusal::Token.into());
                }
                registrations::create(tx, &registration)?;
                Ok(write_one(tx, &prepared, &author, &event)?.secret)
            })
            .await?;
        self.refresh().await?;
        Ok(self.information(&client, now, access, secret))
    }

    /// `GET /oauth2/register/{client_id}` (RFC 7592 §2.1).
    ///
    /// # Errors
    /// [`RegistrationRefusal::Access`].
    pub async fn registered(
        &self,
        id: &ClientId,
        access: Option<&str>,
        caller: &Caller,
    ) -> Result<ClientInformation, RegistrationError> {
        let answer = self.check_registered(id, access).await;
        self.record_refusal(&answer, Some(id), caller).await;
        let (registration, client) = answer?;
        let access = access.unwrap_or_default().to_owned();
        Ok(self.information(&client, UnixTime(registration.registered_at), access, None))
    }

    /// The application of that name, if `access` is the token for its registration.
    async fn check_registered(
        &self,
        id: &ClientId,
        access: Option<&str>,
    ) -> Result<(Registration, ClientApplication), RegistrationError> {
        let wanted = id.clone();
        let find = move |conn: &mut _| Ok::<_, Error>(registrations::find(conn, &wanted)?);
        let registration = self.store.read(find).await?;
        let fits = |found: &Registration| {
            same(sha256_base64url(access.unwrap_or_default()), &found.digest)
        };
        let registration = registration.filter(fits).ok_or(RegistrationRefusal::Access)?;
        self.refresh().await?;
        let configuration = self.configuration();
        let client = configuration.client(id).ok_or(RegistrationRefusal::Access)?;
        Ok((registration, client.resource.clone()))
    }

    /// `PUT /oauth2/register/{client_id}` (RFC 7592 §2.2): the application as it wants to be now. What an
    /// administrator gave it beyond that is kept.
    ///
    /// # Errors
    /// [`RegistrationRefusal`].
    pub async fn reregister(
        &self,
        id: &ClientId,
        access: Option<&str>,
        metadata: ClientMetadata,
        caller: &Caller,
    ) -> Result<ClientInformation, RegistrationError> {
        let answer = self.answer_reregister(id, access, metadata, caller).await;
        self.record_refusal(&answer, Some(id), caller).await;
        answer
    }

    async fn answer_reregister(
        &self,
        id: &ClientId,
        access: Option<&str>,
        metadata: ClientMetadata,
        caller: &Caller,
    ) -> Result<ClientInformation, RegistrationError> {
        let (registration, before) = self.check_registered(id, access).await?;
        let configuration = self.configuration();
        let stored = configuration.document("ClientApplication", id.as_str());
        let version = stored.ok_or(RegistrationRefusal::Access)?.version;
        let secret = configuration.client(id).and_then(|client| client.secret.as_deref());
        check_is_itself(id, secret, &metadata)?;
        let client = metadata.change(&before)?;
        if client.needs_secret() && secret.is_none() {
            let text = "token_endpoint_auth_method: there is no secret; register anew to get one";
            return Err(RegistrationRefusal::Metadata(text.to_owned()).into());
        }
        let (author, prepared) = self.own_change(client.clone(), Mode::Update { version }).await?;
        let event = self.change_event(&author, Some(caller));
        self.store
            .write(move |tx| write_one(tx, &prepared, &author, &event).map(drop))
            .await
            .map_err(RegistrationError::from)?;
        self.refresh().await?;
        let access = access.unwrap_or_default().to_owned();
        Ok(self.information(&client, UnixTime(registration.registered_at), access, None))
    }

    /// `DELETE /oauth2/register/{client_id}` (RFC 7592 §2.3): the application and all that it has of people.
    ///
    /// # Errors
    /// [`RegistrationRefusal::Access`].
    pub async fn unregister(
        &self,
        id: &ClientId,
        access: Option<&str>,
        caller: &Caller,
    ) -> Result<(), RegistrationError> {
        let answer = self.check_registered(id, access).await;
        self.record_refusal(&answer, Some(id), caller).await;
        answer?;
        let (client, now) = (id.clone(), self.clock.now());
        let mut event = caller.event(Action::Delete, Outcome::Success, now);
        event = event.by(Actor::Client(id.clone())).detail(format!("ClientApplication/{id}"));
        event.client = Some(id.clone());
        self.store
            .write(move |tx: &mut Tx<'_>| -> Result<(), Error> {
                registrations::end(tx, &client)?;
                if store::resources::delete(tx, "ClientApplication", client.as_str(), now)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await?;
        Ok(self.refresh().await?)
    }

    /// An application changes itself, and gives nothing to anybody.
    async fn own_change(
        &self,
        client: ClientApplication,
        mode: Mode,
    ) -> Result<(Author, Prepared), WriteError> {
        let id = client.id.clone().unwrap_or_else(|| "".into());
        // The roles that an administrator gave it are written again as they are.
        let author = Author { actor: Actor::Client(id), powers: Powers::unlimited() };
        let prepared = self.prepare(Resource::ClientApplication(Box::new(client)), mode).await?;
        Ok((author, prepared))
    }

    fn information(
        &self,
        client: &ClientApplication,
        registered_at: UnixTime,
        access: String,
        secret: Option<String>,
    ) -> ClientInformation {
        let client_id = client.id.clone().unwrap_or_else(|| "".into());
        ClientInformation {
            registration_client_uri: format!("{}/oauth2/register/{client_id}", self.issuer()),
            client_id,
            client_id_issued_at: registered_at,
            client_secret_expires_at: secret.as_ref().map(|_| 0),
            client_secret: secret,
            registration_access_token: access,
            metadata: ClientMetadata::of(client),
        }
    }

    async fn record_refusal<T>(
        &self,
        answer: &Result<T, RegistrationError>,
        client: Option<&ClientId>,
        caller: &Caller,
    ) {
        let Err(RegistrationError::Refused(refusal)) = answer else { return };
        let mut event =
            caller.event(Action::RegistrationRefused, Outcome::Refused, self.clock.now());
        event.client = client.filter(|id| self.configuration().client(id).is_some()).cloned();
        self.audit_refusal(event.detail(refusal.to_string())).await;
    }
}

fn check_token(new: &NewToken) -> Result<(), Invalid> {
    if new.name.trim().is_empty() || new.name.len() > 200 {
        return Err(Invalid::new("name", "is needed, up to 200 characters"));
    }
    if !(1..=MOST_DAYS).contains(&new.days) {
        return Err(Invalid::new("days", format!("is 1 to {MOST_DAYS}")));
    }
    if !(1..=MOST_USES).contains(&new.uses) {
        return Err(Invalid::new("uses", format!("is 1 to {MOST_USES}")));
    }
    Ok(())
}

/// The application names itself, and its secret if any, as they are (RFC 7592 §2.2).
fn check_is_itself(
    id: &ClientId,
    digest: Option<&str>,
    metadata: &ClientMetadata,
) -> Result<(), RegistrationRefusal> {
    if metadata.client_id.as_deref() != Some(id.as_str()) {
        return Err(RegistrationRefusal::Metadata("client_id: is not this application's".into()));
    }
    let right = |secret: &String| digest.is_some_and(|it| same(sha256_base64url(secret), it));
    if metadata.client_secret.as_ref().is_some_and(|secret| !right(secret)) {
        return Err(RegistrationRefusal::Metadata("client_secret: is not the present one".into()));
    }
    Ok(())
}

fn told(token: &RegistrationToken) -> serde_json::Value {
    serde_json::json!({
        "name": token.name, "organization": token.organization, "uses": token.uses_left,
        "expires": token.expires_at.to_rfc3339(),
    })
}
