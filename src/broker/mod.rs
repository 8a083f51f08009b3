pub mod oidc_exchange;
pub mod outbound;
pub mod upstream;
