//! Who sits at the desk, and what he may.

use std::{future::Future, pin::Pin};

use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse, dev::Payload, error::InternalError,
    http::StatusCode,
};

use super::super::{
    account::{csrf_of, foreign_form, is_own_form, person},
    context::Context,
    page,
};
use crate::{
    broker::{
        self, Broker,
        resources::{Author, WriteError},
        session::SignedIn,
    },
    domain::{audit::Actor, roles::Powers},
    op::Parameters,
};

/// What a handler answers; the error is an answer too.
pub type Answer = Result<HttpResponse, Error>;

/// A signed-in person on the administrators' pages; whether he may is asked for each page.
pub struct Admin {
    pub context: Context,
    pub powers: Powers,
    signed_in: SignedIn,
}

impl FromRequest for Admin {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, context) = (request.clone(), Context::from_request(request, payload));
        Box::pin(async move {
            let context = context.await?;
            let signed_in = person(&context, &request).await.map_err(stop)?;
            let powers = context.broker.powers(&signed_in.granted);
            Ok(Self { context, powers, signed_in })
        })
    }
}

impl Admin {
    pub fn broker(&self) -> &Broker {
        &self.context.broker
    }

    /// Whether the person may do `action` with resources of type `kind`, everywhere.
    pub fn can(&self, kind: &str, action: &str) -> bool {
        self.powers.permit(kind, action, None)
    }

    /// # Errors
    /// The 403 page.
    pub fn may(&self, kind: &str, action: &str) -> Result<(), Error> {
        if self.can(kind, action) {
            return Ok(());
        }
        Err(stop(page::not_allowed(self.reference(), &self.name())))
    }

    /// Whether the form came from a page of ours for this session.
    ///
    /// # Errors
    /// The page that says it did not.
    pub fn sent(&self, form: &Parameters) -> Result<(), Error> {
        if is_own_form(&self.context, form) {
            return Ok(());
        }
        Err(stop(foreign_form(&self.context)))
    }

    pub fn author(&self) -> Author {
        let actor = Actor::User(self.signed_in.account.user_id());
        Author { actor, powers: self.powers.clone() }
    }

    pub fn csrf(&self) -> String {
        csrf_of(self.context.session().unwrap_or_default())
    }

    /// The person's name, for the top of the page.
    pub fn name(&self) -> String {
        self.signed_in.account.called()
    }

    /// A failure on our side, as a page.
    pub fn failed(&self, error: broker::Error) -> Error {
        stop(page::failed(&self.context, &error))
    }

    /// The refusal, if the person can mend it on the form.
    ///
    /// # Errors
    /// The page for what he cannot: a failure of ours, or the thing is gone.
    pub fn mendable(&self, error: WriteError) -> Result<WriteError, Error> {
        match error {
            WriteError::Failed(_) | WriteError::Missing(_) => Err(self.refused(error)),
            refusal => Ok(refusal),
        }
    }

    /// A change without a form to come back to, refused.
    pub fn refused(&self, error: WriteError) -> Error {
        let status = status_of(&error);
        match error {
            WriteError::Failed(error) => self.failed(error),
            refusal => stop(page::refused(status, self.reference(), &sentence(&refusal))),
        }
    }

    /// The 404 page.
    pub fn nothing_here(&self) -> Error {
        let text = "This was not found. It may have been removed meanwhile.";
        stop(page::refused(StatusCode::NOT_FOUND, self.reference(), text))
    }

    fn reference(&self) -> &str {
        self.context.caller.reference.as_str()
    }
}

/// An answer that ends a handler early.
fn stop(answer: HttpResponse) -> Error {
    InternalError::from_response("answered", answer).into()
}

/// The status of the page that a refused change leads to.
pub const fn status_of(error: &WriteError) -> StatusCode {
    match error {
        WriteError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        WriteError::Exists(_) | WriteError::Conflict(_) => StatusCode::CONFLICT,
        WriteError::Missing(_) => StatusCode::NOT_FOUND,
        WriteError::Forbidden(_) => StatusCode::FORBIDDEN,
        WriteError::Failed(_) | WriteError::Planned(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The refusal as a sentence.
pub fn sentence(error: &WriteError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str().trim_end_matches('.'))
}
