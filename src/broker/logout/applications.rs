//! Applications hear that a session ended: by a signed token from us to them, tried again until it arrives
//! (OIDC Back-Channel Logout 1.0), or by a frame in the browser (Front-Channel Logout 1.0).

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, StreamExt};

use crate::{
    broker::{Broker, Client, Error},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        words::{SessionId, UnixTime},
    },
    op::{self, LogoutToken},
    store::{
        Tx,
        logout_notices::{self, Notice, State},
    },
};

/// Whoever tells has so long, in seconds; longer than any call lasts.
const CLAIM: i64 = 30;
/// Seconds between the attempts; after the last of them, about a day, it is given up.
const PAUSES: [i64; 9] = [5, 30, 120, 600, 3_600, 7_200, 14_400, 21_600, 43_200];
/// So many applications are told at once.
const AT_ONCE: usize = 8;
/// So many notices are looked at in one round.
const ROUND: i64 = 64;
/// The browser waits so long for applications to be told; after that they are told without it.
const BROWSER_WAITS: Duration = Duration::from_secs(2);

impl Broker {
    /// Tells the applications of sessions that just ended. Answers the addresses that the browser opens
    /// in frames. Whatever fails is logged and tried again by [`Self::tell_applications`].
    pub(in crate::broker) async fn announce_end(&self, sessions: &[SessionId]) -> Vec<String> {
        let ids = sessions.to_vec();
        let read = move |conn: &mut _| -> Result<Vec<Notice>, Error> {
            let each = ids.iter().map(|id| logout_notices::of_session(conn, id));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let notices = match self.store.look_up(read).await {
            Ok(notices) => notices,
            Err(error) => {
                tracing::warn!(%error, "applications will be told later that a session ended");
                return Vec::new();
            }
        };
        let frames = notices.iter().filter_map(|notice| self.frame_of(notice)).collect();
        // Beyond this time the claims run out and the next round goes on.
        let _ = tokio::time::timeout(BROWSER_WAITS, self.tell_all(notices)).await;
        frames
    }

    fn frame_of(&self, notice: &Notice) -> Option<String> {
        let configuration = self.configuration();
        let client = configuration.client(&notice.client)?;
        let uri = client.resource.frontchannel_logout_uri.as_deref()?;
        op::frontchannel_address(uri, self.issuer(), &notice.session)
    }

    /// Tells every application whose turn it is. One that does not hear holds up no other for longer than
    /// a call lasts.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn tell_applications(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let find = move |conn: &mut _| Ok::<_, Error>(logout_notices::due(conn, now, ROUND)?);
        let notices = self.store.read(find).await?;
        self.tell_all(notices).await;
        Ok(())
    }

    async fn tell_all(&self, notices: Vec<Notice>) {
        let each = stream::iter(notices).for_each_concurrent(AT_ONCE, async |notice| {
            if let Err(error) = self.tell_one(notice).await {
                tracing::warn!(%error, "an application will be told later that a session ended");
            }
        });
        each.await;
    }

    async fn tell_one(&self, notice: Notice) -> Result<(), Error> {
        let State::Waiting { due_at, attempts, .. } = notice.state else { return Ok(()) };
        let configuration = self.configuration();
        let client = configuration.client(&notice.client);
        let listening = client
            .and_then(|client| Some((client, client.resource.backchannel_logout_uri.as_deref()?)));
        let Some((client, uri)) = listening else {
            return self.store.write(move |tx| Ok(logout_notices::forget(tx, &notice)?)).await;
        };
        let until = self.clock.now().plus(CLAIM);
        let claimed = notice.clone();
        let claim = move |tx: &mut Tx<'_>| Ok(logout_notices::claim(tx, &claimed, due_at, until)?);
        if !self.store.write::<_, Error, _>(claim).await? {
            return Ok(());
        }
        let heard = self.deliver(client, uri, &notice).await;
        let state = after(heard, attempts + 1, self.clock.now());
        self.settle_notice(Notice { state, ..notice }, until).await
    }

    /// One attempt. Any success counts (the specification has 200; 204 is usual too).
    async fn deliver(&self, client: &Arc<Client>, uri: &str, to: &Notice) -> Result<(), String> {
        let token = self.logout_token(client, to).map_err(|error| error.to_string())?;
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("logout_token", &token)
            .finish();
        let request = http::Request::post(uri)
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into_bytes())
            .map_err(|error| error.to_string())?;
        match self.outbound.send(request).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(format!("it answered with status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn logout_token(&self, client: &Client, notice: &Notice) -> Result<String, Error> {
        let (user, session) = (notice.user.clone(), notice.session.clone());
        let (jti, now) = (self.random.token(), self.clock.now());
        let claims = LogoutToken::new(self.issuer(), user, client.id.clone(), session, jti, now);
        let keys = self.keys();
        let key = keys.signing(client.resource.id_token_signed_response_alg)?;
        Ok(key.sign("logout+jwt", &claims)?)
    }

    async fn settle_notice(&self, notice: Notice, claimed: UnixTime) -> Result<(), Error> {
        let event = told(&notice, self.clock.now());
        self.store
            .write(move |tx| -> Result<(), Error> {
                let ours = logout_notices::settle(tx, &notice, claimed)?;
                if let Some(event) = event.clone().filter(|_| ours) {
                    tx.audit(event);
                }
                Ok(())
            })
            .await
    }
}

/// Where a notice stands after `attempts`.
fn after(heard: Result<(), String>, attempts: i64, now: UnixTime) -> State {
    let pause = usize::try_from(attempts - 1).ok().and_then(|index| PAUSES.get(index));
    match (heard, pause) {
        (Ok(()), _) => State::Told { at: now, attempts },
        (Err(error), Some(pause)) => {
            State::Waiting { due_at: now.plus(*pause), attempts, error: Some(error) }
        }
        (Err(error), None) => State::Unheard { attempts, error },
    }
}

/// The receipt. An attempt that will be repeated leaves none.
fn told(notice: &Notice, now: UnixTime) -> Option<Event> {
    let (outcome, detail) = match &notice.state {
        State::Waiting { .. } => return None,
        State::Told { attempts, .. } => {
            (Outcome::Success, serde_json::json!({ "attempts": attempts }))
        }
        State::Unheard { attempts, error } => {
            (Outcome::Refused, serde_json::json!({ "attempts": attempts, "error": error }))
        }
    };
    let mut event = Event::new(Action::ApplicationTold, outcome, now).by(Actor::Broker);
    event.user = Some(notice.user.clone());
    event.client = Some(notice.client.clone());
    event.session = Some(notice.session.clone());
    Some(event.detail(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_for_about_a_day_with_growing_pauses() {
        let (mut now, mut pauses) = (UnixTime(0), Vec::new());
        let mut attempts = 0;
        let error = loop {
            attempts += 1;
            match after(Err("down".to_owned()), attempts, now) {
                State::Waiting { due_at, .. } => {
                    pauses.push(due_at.since(now));
                    now = due_at;
                }
                State::Unheard { error, .. } => break error,
                State::Told { .. } => panic!("nobody heard"),
            }
        };
        assert_eq!((error.as_str(), attempts), ("down", 10));
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert!((20 * 3_600..30 * 3_600).contains(&now.0), "{now:?}");
        assert_eq!(
            after(Ok(()), 3, now),
            State::Told { at: now, attempts: 3 },
            "an attempt that succeeds is the last"
        );
    }
}
