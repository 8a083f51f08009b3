//! Federations: one signed document of thousands of entities, read in one pass and bounded memory.
//!
//! ```text
//! <EntitiesDescriptor …>      container: only its start tag is kept
//!   <Signature/>              first; says which digest the whole must have
//!   <EntityDescriptor/>       piece: read whole, parsed inside copies of its containers' tags
//!   <EntitiesDescriptor>…     container inside a container
//! ```
//!
//! What is digested is what is read: each piece is parsed once, and from that one tree come both its
//! canonical bytes and what we keep of it. Exclusive canonicalization makes that possible: the canonical
//! form of a container around one piece is the container's start, the piece, the container's end, so the
//! parts can be digested one after the other.
//!
//! Nothing counts until the digest of the whole was compared: whoever takes entities before that keeps
//! them apart.

mod entity;
mod scanner;

pub use entity::FederationEntity;
use entity::{Kind, classify};

use std::{collections::HashSet, io::BufRead};

use openssl::{hash::Hasher, memcmp};

use crate::domain::{resource::SamlConfiguration, words::UnixTime};

use super::{
    c14n::{Bounded, Method, canonicalize},
    certificates::Trust,
    duration,
    idp::metadata_signers,
    names::{DS, METADATA},
    rejection::Rejection,
    signature::{Announced, announced},
    tree::{Node, Tree, attribute, elements, is},
    xml::{Comments, METADATA_BYTES},
};
use scanner::{Piece, Scanner};

/// Containers inside containers.
const DEPTH: usize = 8;
/// White space before the signature, in bytes.
const LEAD: usize = 64 * 1024;

/// Bytes of the canonical form of one piece.
const MOST_CANONICAL: usize = 2 * METADATA_BYTES;

/// What the whole document said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AggregateSummary {
    /// Entities of all kinds.
    pub entities: usize,
    /// Identity providers that were handed over.
    pub providers: usize,
    /// Identity providers that cannot be used: no key, no address, a name twice.
    pub passed_over: usize,
    pub valid_until: Option<UnixTime>,
    pub cache_duration: Option<i64>,
    /// The most bytes that were in memory at once.
    pub peak: usize,
}

/// Why an aggregate is not believed; whatever came of it before must be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum BadAggregate {
    #[error("{0}")]
    Rejected(#[from] Rejection),
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("no signer is pinned")]
    NoSigner,
    #[error("it ended on {0}")]
    Ended(String),
    /// Whoever takes the entities has gone.
    #[error("nobody takes what is read")]
    Abandoned,
}

/// Reads an aggregate that the pinned `metadataCertificate` signed; `take` gets each identity provider,
/// and answers `false` to stop.
///
/// # Errors
/// [`BadAggregate`]; then everything that `take` got is void.
///
/// Source: SAML Metadata §2.3.1, §3; XML Signature §3.2.
pub fn read_aggregate(
    source: impl BufRead,
    configuration: &SamlConfiguration,
    now: UnixTime,
    take: impl FnMut(FederationEntity) -> bool,
) -> Result<AggregateSummary, BadAggregate> {
    let signers = metadata_signers(configuration).ok().flatten().ok_or(BadAggregate::NoSigner)?;
    let mut reader = Reader {
        signers: &signers,
        now,
        take,
        containers: Vec::new(),
        lead: String::new(),
        whole: None,
        ended: false,
        names: HashSet::new(),
        summary: AggregateSummary::default(),
    };
    let mut scanner = Scanner::new(source);
    while let Some(piece) = scanner.next()? {
        reader.piece(piece)?;
    }
    reader.summary.peak = scanner.peak();
    reader.finish()
}

/// An open container.
struct Container {
    start: String,
    end: String,
    /// Bytes of its start tag in canonical form, once the method is known.
    canonical: usize,
}

struct Reader<'s, F> {
    signers: &'s Trust,
    now: UnixTime,
    take: F,
    containers: Vec<Container>,
    /// White space before the signature.
    lead: String,
    /// What the signature announced, and the digest so far.
    whole: Option<(Announced, Hasher)>,
    /// The root has ended.
    ended: bool,
    /// The names that came, so that each counts once.
    names: HashSet<String>,
    summary: AggregateSummary,
}

impl<F: FnMut(FederationEntity) -> bool> Reader<'_, F> {
    fn piece(&mut self, piece: Piece) -> Result<(), BadAggregate> {
        match piece {
            Piece::Text(text) => self.text(&text),
            Piece::Start(tag) if !self.ended => self.start(tag),
            Piece::End(tag) if !self.ended => self.end(&tag),
            Piece::Element(xml) if !self.ended && !self.containers.is_empty() => self.element(&xml),
            Piece::Start(_) | Piece::End(_) | Piece::Element(_) => {
                Err(Rejection::NotWellFormed.into())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), BadAggregate> {
        if !text.trim_ascii().is_empty() {
            return Err(Rejection::NotText.into());
        }
        match &mut self.whole {
            _ if self.containers.is_empty() => Ok(()),
            Some(_) => self.digest(text),
            None if self.lead.len() + text.len() > LEAD => Err(Rejection::TooLarge.into()),
            None => {
                self.lead.push_str(text);
                Ok(())
            }
        }
    }

    fn start(&mut self, start: String) -> Result<(), BadAggregate> {
        if self.containers.len() >= DEPTH {
            return Err(Rejection::TooDeep.into());
        }
        if !self.containers.is_empty() && self.whole.is_none() {
            return Err(Rejection::Unsigned.into());
        }
        let name = start.trim_start_matches('<');
        let name = name.split(|c: char| c.is_ascii_whitespace() || c == '>').next();
        let end = format!("</{}>", name.unwrap_or_default());
        self.containers.push(Container { start, end, canonical: 0 });
        let wrapped = self.wrapped("");
        let tree = Tree::parse(&wrapped, Comments::Refused)?;
        let levels = std::iter::successors(Some(tree.root()), |node| elements(*node).next());
        let all = levels.take_while(|node| is(*node, METADATA, "EntitiesDescriptor")).count();
        if all != self.containers.len() {
            return Err(Rejection::NotWellFormed.into());
        }
        if self.whole.is_some() {
            let canonical = self.canonical_start(tree.root())?;
            self.digest(&canonical)?;
        } else {
            self.read_root(tree.root())?;
        }
        Ok(())
    }

    fn read_root(&mut self, root: Node) -> Result<(), BadAggregate> {
        let end = attribute(root, "validUntil")
            .map(|time| UnixTime::parse_rfc3339(time.trim_ascii()).ok_or(Rejection::NotATime));
        self.summary.valid_until = end.transpose()?;
        self.summary.cache_duration = attribute(root, "cacheDuration").and_then(duration::parse);
        match self.summary.valid_until.filter(|end| *end <= self.now) {
            Some(end) => Err(BadAggregate::Ended(end.to_rfc3339())),
            None => Ok(()),
        }
    }

    fn end(&mut self, tag: &str) -> Result<(), BadAggregate> {
        let container = self.containers.pop().ok_or(Rejection::NotWellFormed)?;
        let written = tag.trim_end_matches('>').trim_ascii_end();
        if written != container.end.trim_end_matches('>') {
            return Err(Rejection::NotWellFormed.into());
        }
        if self.whole.is_none() {
            return Err(Rejection::Unsigned.into());
        }
        self.ended = self.containers.is_empty();
        self.digest(&container.end)
    }

    fn element(&mut self, xml: &str) -> Result<(), BadAggregate> {
        let wrapped = self.wrapped(xml);
        let tree = Tree::parse(&wrapped, Comments::Skipped)?;
        let mut levels = std::iter::successors(Some(tree.root()), |node| elements(*node).next());
        let node = levels.nth(self.containers.len()).ok_or(Rejection::NotWellFormed)?;
        let is_signature = is(node, DS, "Signature") && self.containers.len() == 1;
        match (is_signature, self.whole.is_some()) {
            (true, false) => return self.open(tree.root()),
            (true, true) => return Err(Rejection::Repeated.into()),
            (false, false) => return Err(Rejection::Unsigned.into()),
            (false, true) => {}
        }
        let canonical = self.canonical(tree.root())?;
        self.digest(self.inner(&canonical)?)?;
        if is(node, METADATA, "EntityDescriptor") {
            self.entity(tree.root(), &wrapped)?;
        }
        Ok(())
    }

    /// The signature was read: what comes before it is digested now.
    fn open(&mut self, root: Node) -> Result<(), BadAggregate> {
        let announced = announced(root, self.signers).map_err(|fault| fault.rejection())?;
        let announced = announced.ok_or(Rejection::Unsigned)?;
        let hasher = Hasher::new(announced.digest.function());
        let hasher = hasher.map_err(|_| Rejection::DigestMismatch)?;
        self.whole = Some((announced, hasher));
        let wrapped = self.wrapped("");
        let tree = Tree::parse(&wrapped, Comments::Refused)?;
        let start = self.canonical_start(tree.root())?;
        self.digest(&start)?;
        let lead = std::mem::take(&mut self.lead);
        self.digest(&lead)
    }

    fn entity(&mut self, root: Node, xml: &str) -> Result<(), BadAggregate> {
        self.summary.entities += 1;
        match classify(root, xml, self.now) {
            Kind::Provider(entity) if self.names.insert(entity.entity_id.clone()) => {
                self.summary.providers += 1;
                if (self.take)(*entity) { Ok(()) } else { Err(BadAggregate::Abandoned) }
            }
            Kind::Provider(_) | Kind::Unusable => {
                self.summary.passed_over += 1;
                Ok(())
            }
            Kind::Other => Ok(()),
        }
    }

    fn wrapped(&self, inside: &str) -> String {
        let starts = self.containers.iter().map(|container| container.start.as_str());
        let ends = self.containers.iter().rev().map(|container| container.end.as_str());
        starts.chain([inside]).chain(ends).collect()
    }

    fn canonical(&self, root: Node) -> Result<String, Rejection> {
        let prefixes = self.whole.as_ref().map(|(announced, _)| announced.prefixes.as_slice());
        let prefixes = prefixes.unwrap_or_default().iter().map(Option::as_deref);
        let mut out = Bounded::new(0, MOST_CANONICAL);
        let written = canonicalize(&mut out, root, None, &Method::Exclusive(prefixes.collect()));
        written.map(|()| out.text).map_err(|_| Rejection::DigestMismatch)
    }

    /// The start tag of the innermost container in canonical form; notes its length.
    fn canonical_start(&mut self, root: Node) -> Result<String, Rejection> {
        let whole = self.canonical(root)?;
        let start = self.inner(&whole)?;
        let end = self.containers.last().map_or(0, |container| container.end.len());
        let start = start[..start.len().saturating_sub(end)].to_owned();
        if let Some(container) = self.containers.last_mut() {
            container.canonical = start.len();
        }
        Ok(start)
    }

    /// What stands inside the containers whose canonical length is known, of a canonical form.
    fn inner<'c>(&self, canonical: &'c str) -> Result<&'c str, Rejection> {
        let known = self.containers.iter().filter(|container| container.canonical > 0);
        let (mut before, mut after) = (0, 0);
        for container in known {
            (before, after) = (before + container.canonical, after + container.end.len());
        }
        let end = canonical.len().checked_sub(after).ok_or(Rejection::DigestMismatch)?;
        canonical.get(before..end).ok_or(Rejection::DigestMismatch)
    }

    fn digest(&mut self, text: &str) -> Result<(), BadAggregate> {
        let (_, hasher) = self.whole.as_mut().ok_or(Rejection::Unsigned)?;
        Ok(hasher.update(text.as_bytes()).map_err(|_| Rejection::DigestMismatch)?)
    }

    /// Only here the document is believed.
    fn finish(self) -> Result<AggregateSummary, BadAggregate> {
        let (announced, mut hasher) = self.whole.ok_or(Rejection::Unsigned)?;
        if !self.ended {
            return Err(Rejection::NotWellFormed.into());
        }
        let digest = hasher.finish().map_err(|_| Rejection::DigestMismatch)?;
        if digest.len() == announced.value.len() && memcmp::eq(&digest, &announced.value) {
            Ok(self.summary)
        } else {
            Err(Rejection::DigestMismatch.into())
        }
    }
}
