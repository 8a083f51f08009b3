//! `medict keys`.

use std::process::ExitCode;

use super::{Failure, home, settings::Settings};
use crate::{
    broker::Broker,
    domain::{audit::Actor, resource::SigningAlg},
};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show every key, its use and where it is in its life
    List,
    /// Begin a roll-over: token keys sign at once with the next key, and tokens signed before stay
    /// valid; a SAML key is published first and signs after a wait
    Rotate {
        /// Which keys
        #[arg(long, value_enum, default_value_t = Purpose::Token)]
        purpose: Purpose,
        /// Of a SAML key: ES256 signs only, and the RSA key goes on decrypting
        #[arg(long, value_enum, default_value_t = Alg::Rs256)]
        alg: Alg,
    },
    /// Sign with the SAML key that waits, from now on
    Use { kid: String },
    /// End a SAML key that was replaced, or take back one that waits
    Retire { kid: String },
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Purpose {
    Token,
    Saml,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Alg {
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
}

impl From<Alg> for SigningAlg {
    fn from(alg: Alg) -> Self {
        match alg {
            Alg::Rs256 => Self::RS256,
            Alg::Es256 => Self::ES256,
        }
    }
}

impl Command {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let broker = home::open(settings).await?;
        match self {
            Self::List => {}
            Self::Rotate { purpose: Purpose::Token, .. } => broker.rotate_keys().await?,
            Self::Rotate { purpose: Purpose::Saml, alg } => {
                broker.rotate_saml_key(alg.into(), Actor::Operator).await?;
            }
            Self::Use { kid } => broker.use_saml_key(&kid, Actor::Operator).await?,
            Self::Retire { kid } => broker.retire_saml_key(&kid, Actor::Operator).await?,
        }
        list(&broker).await
    }
}

async fn list(broker: &Broker) -> Result<ExitCode, Failure> {
    println!(
        "{:<36}  {:<7}  {:<5}  {:<8}  {:<20}  moves on",
        "kid", "purpose", "alg", "state", "since"
    );
    for key in broker.list_keys().await? {
        let since = key.since.to_rfc3339();
        let moves_at = key.moves_at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
        let (kid, purpose, alg, state) = (key.kid, key.purpose, key.alg, key.state);
        println!("{kid:<36}  {purpose:<7}  {alg:<5}  {state:<8}  {since:<20}  {moves_at}");
    }
    Ok(ExitCode::SUCCESS)
}
