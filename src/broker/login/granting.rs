//! The last step towards an application: a person is signed in; does he get a code, a question, or is the
//! application told no? Decided in the commit that signs him in, or that uses the session he has.

use super::{Broker, Next, consent::Wanted};
use crate::{
    crypto::sha256_base64url,
    domain::{
        login::{AuthorizationRequest, Login},
        words::{GrantId, LoginId, UnixTime},
    },
    op::{AuthorizeRefusal, ReturnAddress},
    store::{
        Error, Tx, grants,
        grants::Grant,
        logins::{self, Pending},
        pushed_requests,
        sessions::BrowserSession,
    },
};

/// A code is good for so many seconds (RFC 6749 §4.1.2 recommends at most ten minutes).
const CODE_LIFETIME: i64 = 60;

/// Everything drawn beforehand that an answer to the application may need.
#[derive(Clone)]
pub(super) struct Granting {
    pub(super) request: AuthorizationRequest,
    wanted: Option<Wanted>,
    grant: GrantId,
    code: String,
    /// The login that waits for the person's word, should he have to be asked, and its browser.
    question: LoginId,
    binding: String,
    now: UnixTime,
}

/// What the application gets.
pub(super) enum Granted {
    Code,
    /// The person is asked first.
    Ask,
    Refused(AuthorizeRefusal),
}

impl Broker {
    /// For a login (else for a session that is there already) in the browser of this binding.
    pub(super) fn granting(
        &self,
        request: AuthorizationRequest,
        login: Option<LoginId>,
        binding: String,
        now: UnixTime,
    ) -> Granting {
        let grant = GrantId(self.random.uuid(now));
        Granting {
            wanted: self.consent_wanted(&request),
            request,
            code: grant.name(&self.random.token()),
            grant,
            question: login.unwrap_or_else(|| LoginId(self.random.uuid(now))),
            binding,
            now,
        }
    }

    pub(super) fn next_of(&self, granting: &Granting, granted: &Granted) -> Next {
        let address = ReturnAddress::of(&granting.request);
        match granted {
            Granted::Code => Next::ReturnToClient(address.code(&granting.code, self.issuer())),
            Granted::Refused(refusal) => {
                Next::ReturnToClient(address.error(refusal, self.issuer()))
            }
            Granted::Ask => Next::AskConsent(granting.question.clone()),
        }
    }
}

impl Granting {
    /// Stores what the application gets for this session.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub(super) fn run(&self, tx: &mut Tx<'_>, session: &BrowserSession) -> Result<Granted, Error> {
        let user = &session.authentication.user;
        if self.request.subject.as_ref().is_some_and(|wanted| wanted != user) {
            return Ok(Granted::Refused(AuthorizeRefusal::OtherPerson));
        }
        if Wanted::is_missing(self.wanted.as_ref(), tx, user, &self.request.client_id)? {
            if self.request.silent {
                return Ok(Granted::Refused(AuthorizeRefusal::ConsentRequired));
            }
            self.ask(tx, session)?;
            return Ok(Granted::Ask);
        }
        self.grant(tx, session)?;
        Ok(Granted::Code)
    }

    fn ask(&self, tx: &mut Tx<'_>, session: &BrowserSession) -> Result<(), Error> {
        let (request, session) = (self.request.clone(), session.id.clone());
        let login = Login::consenting(self.question.clone(), request, session, self.now);
        logins::create(tx, &Pending::new(login, self.binding.clone()), None)
    }

    /// The code, which whatever was pushed for it is used up by.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub(super) fn grant(&self, tx: &mut Tx<'_>, session: &BrowserSession) -> Result<(), Error> {
        let request = &self.request;
        if let Some(pushed) = &request.pushed {
            pushed_requests::end(tx, pushed)?;
        }
        let until = self.now.plus(CODE_LIFETIME);
        let grant = Grant::new(self.grant.clone(), request.clone(), session, until);
        grants::create(tx, &grant, &sha256_base64url(&self.code))
    }
}
