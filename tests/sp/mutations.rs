//! Thousands of damaged messages: none makes us panic, none says anything that was not signed.

use medict::domain::identity::Statement;

use super::{rearrange::rearrange, *};

/// Small numbers in a fixed order, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).expect("a byte")
    }

    /// Changes, drops, doubles or swaps a piece.
    fn damage(&mut self, message: &[u8]) -> Vec<u8> {
        let from = self.roll(message.len());
        let to = (from + 1 + self.roll(60)).min(message.len());
        let (head, piece, tail) = (&message[..from], &message[from..to], &message[to..]);
        match self.roll(5) {
            0 => [head, tail].concat(),
            1 => [head, piece, piece, tail].concat(),
            2 => [head, b"<>&\"'/= \0\xff".get(self.roll(10)..).unwrap_or_default(), tail].concat(),
            3 => [head, tail, piece].concat(),
            _ => {
                let mut flipped = message.to_vec();
                flipped[from] ^= 1 << self.roll(8);
                flipped
            }
        }
    }
}

/// One message for each placement of signatures, plain and encrypted.
fn messages() -> Vec<String> {
    let ours = &SP.keys[0].certificate;
    let plain = [honest(), honest().sign_response(), honest().sign_both()];
    let sealed = plain.clone().map(|response| response.encrypted_for(ours));
    let parts = honest().parts_encrypted_for(ours);
    plain.into_iter().chain(sealed).chain([parts]).map(ResponseBuilder::build_xml).collect()
}

/// Accepted means: what is believed is what was signed.
fn check(message: &str, provider: &Idp, genuine: &Statement) -> bool {
    let accepted = verify_by(&encode(message), provider).ok();
    let said = accepted.map(VerifiedAssertion::into_statement);
    assert!(said.as_ref().is_none_or(|said| said == genuine), "{message}\n{said:?}");
    said.is_some()
}

#[test]
fn damaged_messages_say_nothing_new() {
    let provider = idp(json!({}));
    for (seed, xml) in messages().into_iter().enumerate() {
        let genuine = verify_by(&encode(&xml), &provider).expect("accepted").into_statement();
        let mut dice = Dice(seed as u64);
        for _ in 0..200 {
            let damaged = dice.damage(xml.as_bytes());
            if let Ok(damaged) = String::from_utf8(damaged) {
                check(&damaged, &provider, &genuine);
            }
        }
    }
}

/// As `fuzz/targets/believe.rs`, in a fixed order.
#[test]
fn rearranged_messages_say_nothing_new() {
    let provider = idp(json!({}));
    let mut accepted = 0;
    for (seed, xml) in messages().into_iter().enumerate() {
        let genuine = verify_by(&encode(&xml), &provider).expect("accepted").into_statement();
        let mut dice = Dice(seed as u64);
        for _ in 0..200 {
            let script: Vec<u8> = (0..4 * (1 + dice.roll(3))).map(|_| dice.byte()).collect();
            let rearranged = rearrange(&xml, &script);
            accepted += usize::from(check(&rearranged, &provider, &genuine));
        }
    }
    assert!(accepted > 0, "some changes are harmless, or the test tests nothing");
}

#[test]
fn damaged_base64_and_metadata_are_refused_in_words() {
    let response = honest().build();
    let metadata = IDP.metadata();
    let provider = idp(json!({}));
    let mut dice = Dice(7);
    for _ in 0..400 {
        let text = String::from_utf8_lossy(&dice.damage(response.as_bytes())).into_owned();
        let _ = verify_by(&text, &provider);
        let text = String::from_utf8_lossy(&dice.damage(metadata.as_bytes())).into_owned();
        if let Err(invalid) = medict::sp::parse_metadata(&text) {
            assert_eq!(invalid.path, "metadataXml");
        }
    }
}

#[test]
fn a_changed_ciphertext_is_one_kind_of_error() {
    let xml = honest().encrypted_for(&SP.keys[0].certificate).build_xml();
    let values: Vec<_> = xml.match_indices("<xenc:CipherValue>").map(|(at, _)| at + 18).collect();
    for at in values.iter().flat_map(|start| [*start, start + 40, start + 100]) {
        let other = if &xml[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &xml[..at], &xml[at + 1..]);
        assert_eq!(verify_xml(&changed).err(), Some(Rejection::Decryption), "at {at}");
    }
}

#[test]
fn our_keys_work_only_so_often_for_one_message() {
    let names: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
    let many = |count: usize| {
        let attributes: Vec<(&str, &[&str])> =
            names.iter().take(count).map(|name| (name.as_str(), &["x"][..])).collect();
        let response = honest().person("ada", &attributes);
        response.parts_encrypted_for(&SP.keys[0].certificate).build()
    };
    // The NameID is one of them.
    assert!(verify(&many(15)).is_ok());
    assert_eq!(verify(&many(16)).err(), Some(Rejection::Decryption));
}
