//! `Noise_XX_25519_ChaChaPoly_BLAKE2s`, with every random number from the link's seed.
//!
//! ```text
//! central                                  peripheral
//!   e                                  ->
//!                                      <-  e, ee, s, es, { versions, peer, signature }
//!   s, se, { versions, peer, signature } ->
//! ```
//!
//! The signature is the identity's, over the Noise static key: it binds the key for ever, so that
//! it can be cached. That the key is present now is proved by the handshake itself.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash as NoiseHash, Random};
use snow::{Builder, HandshakeState, StatelessTransportState};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::ble::Role;
use crate::crypto::{Domain, Hash, Identity, Signature};
use crate::id::PeerId;
use crate::wire::{decode, encode};

/// Longest message of a handshake, bytes; the second one has 194.
pub(super) const HANDSHAKE_LEN_MAX: usize = 256;

/// Lowest protocol version of this build.
const VERSION_MIN: u8 = 1;
/// Highest protocol version of this build.
const VERSION_MAX: u8 = 1;
const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"althing link";

/// Who speaks, and which protocol versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Introduction {
    version_min: u8,
    version_max: u8,
    peer: PeerId,
    /// By the identity, over its Noise static key.
    signature: Signature,
}

/// A finished handshake.
pub(super) struct Keys {
    pub(super) transport: StatelessTransportState,
    pub(super) peer: PeerId,
    pub(super) hash: Hash,
}

/// What a received message leads to.
pub(super) enum Step {
    /// The handshake goes on with this answer.
    Answer(Box<Handshake>, Vec<u8>),
    /// Both sides are proved. The central still sends its last message.
    Finished {
        keys: Box<Keys>,
        last: Option<Vec<u8>>,
    },
}

/// A handshake under way.
pub(super) struct Handshake {
    noise: HandshakeState,
    identity: Identity,
    /// What we say about ourselves, encoded.
    pub(super) introduction: Vec<u8>,
}

impl Handshake {
    pub(super) fn new(identity: Identity, role: Role, seed: [u8; 32]) -> Self {
        let secret = static_secret(&identity).to_bytes();
        let public = static_key(&identity);
        let params: NoiseParams = PATTERN.parse().expect("the pattern is one that snow knows");
        let builder = Builder::with_resolver(params, Box::new(Seeded { seed }))
            .local_private_key(&secret)
            .and_then(|builder| builder.prologue(PROLOGUE))
            .expect("both are set once");
        let noise = match role {
            Role::Central => builder.build_initiator(),
            Role::Peripheral => builder.build_responder(),
        }
        .expect("the resolver knows every part of the pattern");
        Self {
            noise,
            introduction: introduce(&identity, &public, (VERSION_MIN, VERSION_MAX)),
            identity,
        }
    }

    /// The central's first message.
    pub(super) fn first(&mut self) -> Vec<u8> {
        self.write(&[])
    }

    /// Takes the other side's next message.
    pub(super) fn receive(mut self: Box<Self>, message: &[u8]) -> Result<Step, &'static str> {
        let mut payload = vec![0; message.len()];
        let len = self
            .noise
            .read_message(message, &mut payload)
            .map_err(|_| "message does not fit the handshake")?;
        payload.truncate(len);
        let Some(key) = self.noise.get_remote_static().map(<[u8]>::to_vec) else {
            // Only the central's first message names nobody.
            if !payload.is_empty() {
                return Err("first message carries a payload");
            }
            let introduction = std::mem::take(&mut self.introduction);
            let bytes = self.write(&introduction);
            return Ok(Step::Answer(self, bytes));
        };
        let peer = self.check(&payload, &key)?;
        let last = (!self.noise.is_handshake_finished()).then(|| {
            let introduction = std::mem::take(&mut self.introduction);
            self.write(&introduction)
        });
        let mut hash = [0; 32];
        hash.copy_from_slice(self.noise.get_handshake_hash());
        let transport = self
            .noise
            .into_stateless_transport_mode()
            .expect("all three messages are through");
        Ok(Step::Finished {
            keys: Box::new(Keys {
                transport,
                peer,
                hash: Hash(hash),
            }),
            last,
        })
    }

    fn write(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HANDSHAKE_LEN_MAX];
        let len = self
            .noise
            .write_message(payload, &mut message)
            .expect("it is our turn and the longest message fits");
        message.truncate(len);
        message
    }

    fn check(&self, payload: &[u8], key: &[u8]) -> Result<PeerId, &'static str> {
        let introduction: Introduction =
            decode(payload, HANDSHAKE_LEN_MAX).map_err(|_| "malformed introduction")?;
        let low = introduction.version_min.max(VERSION_MIN);
        if low > introduction.version_max.min(VERSION_MAX) {
            return Err("no common protocol version");
        }
        if introduction.peer == self.identity.peer() {
            return Err("connected to itself");
        }
        let verified = self.identity.scheme().verify(
            &introduction.peer,
            &binding(key),
            &introduction.signature,
        );
        if !verified {
            return Err("identity did not sign this key");
        }
        Ok(introduction.peer)
    }
}

/// The introduction of `identity` with a Noise static key and a range of versions.
pub(super) fn introduce(identity: &Identity, key: &[u8], versions: (u8, u8)) -> Vec<u8> {
    encode(&Introduction {
        version_min: versions.0,
        version_max: versions.1,
        peer: identity.peer(),
        signature: identity.sign(&binding(key)),
    })
}

/// The public Noise static key that follows from `identity`.
pub(super) fn static_key(identity: &Identity) -> [u8; 32] {
    PublicKey::from(&static_secret(identity)).to_bytes()
}

fn static_secret(identity: &Identity) -> StaticSecret {
    StaticSecret::from(identity.derive("noise-static", &[]).0)
}

/// What an identity signs to say that a Noise static key is its own.
fn binding(key: &[u8]) -> Vec<u8> {
    let mut bytes = vec![Domain::Binding as u8];
    bytes.extend_from_slice(key);
    bytes
}

/// Gives snow the link's random numbers and x25519-dalek; hash and cipher are its own.
struct Seeded {
    seed: [u8; 32],
}

impl CryptoResolver for Seeded {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SeededRandom(ChaCha12Rng::from_seed(self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::<X25519>::default() as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn NoiseHash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

struct SeededRandom(ChaCha12Rng);

impl Random for SeededRandom {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

#[derive(Default)]
struct X25519 {
    secret: [u8; 32],
    public: [u8; 32],
}

impl X25519 {
    fn replace(&mut self, secret: [u8; 32]) {
        self.public = PublicKey::from(&StaticSecret::from(secret)).to_bytes();
        self.secret = secret;
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, privkey: &[u8]) {
        let mut secret = [0; 32];
        secret.copy_from_slice(privkey);
        self.replace(secret);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = [0; 32];
        rng.try_fill_bytes(&mut secret)?;
        self.replace(secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let theirs: [u8; 32] = pubkey
            .get(..32)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(snow::Error::Input)?;
        let shared = StaticSecret::from(self.secret).diffie_hellman(&PublicKey::from(theirs));
        // A point of small order would give every session the same key.
        if !shared.was_contributory() {
            return Err(snow::Error::Dh);
        }
        out.get_mut(..32)
            .ok_or(snow::Error::Input)?
            .copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::crypto::{SignatureScheme, hash};

    /// Signatures that cost a hash, for 10^5 of them.
    #[derive(Debug)]
    struct Cheap;

    impl SignatureScheme for Cheap {
        fn public(&self, secret: &[u8; 32]) -> PeerId {
            PeerId(hash(Domain::Trace, &[secret]).0)
        }

        fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature {
            let half = hash(Domain::Trace, &[&self.public(secret).0, message]).0;
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&half);
            bytes[32..].copy_from_slice(&half);
            Signature(bytes)
        }

        fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool {
            let half = hash(Domain::Trace, &[&peer.0, message]).0;
            signature.0[..32] == half && signature.0[32..] == half
        }
    }

    fn cheap(byte: u8) -> Identity {
        Identity::with_scheme([byte; 32], Arc::new(Cheap))
    }

    const KEY: [u8; 32] = [5; 32];
    const REFUSALS: [&str; 4] = [
        "malformed introduction",
        "no common protocol version",
        "connected to itself",
        "identity did not sign this key",
    ];

    thread_local! {
        static CHECKER: Handshake = Handshake::new(cheap(1), Role::Central, [1; 32]);
    }

    fn check(payload: &[u8]) -> Result<PeerId, &'static str> {
        CHECKER.with(|checker| checker.check(payload, &KEY))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn garbage_introduces_nobody(
            versions in (0..3u8, 0..3u8),
            whole in any::<bool>(),
            bytes in prop::collection::vec(any::<u8>(), 96),
            len in 0..=98usize,
        ) {
            let mut payload = vec![versions.0, versions.1];
            payload.extend(bytes);
            if !whole {
                payload.truncate(len);
            }
            let refused = check(&payload).expect_err("nobody signed this");
            prop_assert!(REFUSALS.contains(&refused), "{refused}");
        }

        #[test]
        fn an_introduction_tampered_with_introduces_nobody_else(
            how in 0..3u8,
            at in any::<Index>(),
            byte in 1..=255u8,
        ) {
            let other = cheap(2);
            let valid = introduce(&other, &KEY, (1, 1));
            let mut payload = valid.clone();
            let at = at.index(payload.len());
            match how {
                0 => payload[at] ^= byte,
                1 => payload.truncate(at),
                _ => payload.insert(at, byte),
            }
            match check(&payload) {
                // The versions alone are not signed: the handshake itself authenticates them.
                Ok(peer) => {
                    prop_assert_eq!(peer, other.peer());
                    prop_assert!(payload.len() == valid.len() && payload[2..] == valid[2..]);
                    prop_assert!(payload[0] <= VERSION_MAX && payload[1] >= VERSION_MIN);
                }
                Err(refused) => prop_assert!(REFUSALS.contains(&refused), "{refused}"),
            }
        }
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let mut dh = X25519::default();
        dh.set(&[7; 32]);
        let mut out = [0; 32];
        let mut one = [0; 32];
        one[0] = 1;
        for point in [[0; 32], one] {
            assert_eq!(dh.dh(&point, &mut out), Err(snow::Error::Dh));
        }
        assert_eq!(dh.dh(&[9; 31], &mut out), Err(snow::Error::Input));
        let mut nine = [0; 32];
        nine[0] = 9;
        assert_eq!(dh.dh(&nine, &mut out), Ok(()));
        assert_eq!(out, dh.public);
    }

    #[test]
    fn the_second_message_fits_the_bound() {
        let handshake =
            |byte: u8, role| Box::new(Handshake::new(Identity::new([byte; 32]), role, [byte; 32]));
        let mut central = handshake(1, Role::Central);
        let first = central.first();
        let Ok(Step::Answer(peripheral, second)) = handshake(2, Role::Peripheral).receive(&first)
        else {
            panic!("the first message is answered");
        };
        let Ok(Step::Finished {
            last: Some(third),
            keys,
        }) = central.receive(&second)
        else {
            panic!("the second message proves the peripheral");
        };
        let Ok(Step::Finished {
            last: None,
            keys: other,
        }) = peripheral.receive(&third)
        else {
            panic!("the third message proves the central");
        };
        assert_eq!([first.len(), second.len(), third.len()], [32, 194, 162]);
        assert!(second.len() <= HANDSHAKE_LEN_MAX);
        assert_eq!(keys.hash, other.hash);
    }
}
