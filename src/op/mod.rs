//! Our OpenID Provider hat: what applications downstream may ask, and what they get.
//!
//! Comes in: parameters as they were sent, the `ClientApplication` that sent them, `now`. Goes out: a
//! checked request, claims to sign, or a refusal that knows its word on the wire.
//!
//! **Invariants**
//! * No SQL, no web framework, no clock: everything is an argument.
//! * Nothing is redirected to a URI that was not compared with the registered ones first.
//! * Every refusal is one fact; its wire word is chosen in one `match` without a default.

mod answer;
mod authorize;
mod claims;
mod client;
mod consent;
mod device;
mod dpop;
mod error;
mod exchange;
mod introspection;
mod logout_token;
mod me;
mod metadata;
mod once;
mod parameters;
mod pushed;
mod registration;
mod request_object;
mod signed;
mod token;

pub use answer::{Delivery, ReturnAddress, with_query};
use authorize::LONGEST_VALUE;
pub use authorize::{
    Asked, Refusal as AuthorizeRefusal, Unredirectable, check_request, redirect_to,
};
use claims::scope_of;
pub use claims::{
    AccessToken, Actor, Confirmation, IdToken, Person, PersonalClaims, SignedUserInfo, UserInfo,
};
pub use client::{
    AssertionFault, ClientCredentials, Credential, check_assertion, check_client_secret,
    read_client,
};
pub use consent::{consent_scopes, rank, scope_in_words};
pub use device::{
    DeviceAuthorization, LIFETIME as DEVICE_LIFETIME, PACE as DEVICE_PACE,
    check_request as check_device_request, shown as shown_code, typed as typed_code,
    wait as device_wait,
};
pub use dpop::{
    Presented, Proof, ProofExpectations, ProofFault, Scheme, check_binding, check_key, check_proof,
};
pub use error::{ErrorCode, description as error_description};
pub use exchange::{ACCESS_TOKEN, ExchangeRequest, check_exchange, exchanged};
pub use introspection::{Introspection, RefreshClaims};
pub use logout_token::{LogoutToken, frontchannel_address};
pub use me::{Named, Tenant, me, profile_reference};
pub use metadata::{Metadata, SCOPES};
pub use once::Once;
pub use parameters::{Parameters, Unreadable};
pub use pushed::{check_pushed, pushable, pushed_handle, request_uri};
pub use registration::{ClientInformation, ClientMetadata, Refusal as RegistrationRefusal};
pub use request_object::{ObjectFault, check_signed, read_request_object};
pub use signed::{SignatureFault, SignedExpectations, SignedFault};
pub use token::{
    Refusal as TokenRefusal, TokenRequest, TokenResponse, check_code, check_grant_type,
    check_narrowed_scope, check_refreshed_scope, check_target,
};
