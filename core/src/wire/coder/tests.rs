use proptest::prelude::*;

use super::schema::{Column, Schema, read_varint, unzigzag, write_varint, zigzag};
use super::*;

/// What a test codes.
#[derive(Clone, Debug)]
enum Sign {
    Symbol(usize),
    Bits(u64, u32),
    Number(u64),
}

fn signs() -> impl Strategy<Value = Vec<Sign>> {
    let number = (0u32..=64, any::<u64>()).prop_map(|(bits, value)| cut(value, bits));
    let sign = prop_oneof![
        4 => (0usize..5).prop_map(Sign::Symbol),
        1 => (any::<u64>(), 0u32..=64).prop_map(|(value, bits)| Sign::Bits(cut(value, bits), bits)),
        1 => number.prop_map(Sign::Number),
    ];
    prop::collection::vec(sign, 0..80)
}

fn cut(value: u64, bits: u32) -> u64 {
    value & u64::MAX.checked_shr(64 - bits).unwrap_or(0)
}

/// Codes `signs` one way or the other.
fn code(coder: &mut dyn Coder, prior: &[u16], step: u16, signs: &[Sign]) -> Vec<u64> {
    let mut model = Model::new(prior, step);
    let mut numbers = Number::default();
    signs
        .iter()
        .map(|sign| match sign {
            Sign::Symbol(symbol) => coder.symbol(&mut model, *symbol) as u64,
            Sign::Bits(value, count) => coder.bits(*value, *count),
            Sign::Number(value) => numbers.code(coder, *value),
        })
        .collect()
}

fn blanked(signs: &[Sign]) -> Vec<Sign> {
    let blank = |sign: &Sign| match sign {
        Sign::Symbol(_) => Sign::Symbol(0),
        Sign::Bits(_, count) => Sign::Bits(0, *count),
        Sign::Number(_) => Sign::Number(0),
    };
    signs.iter().map(blank).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn symbols_come_back_in_as_many_bytes_as_they_cost(
        signs in signs(),
        prior in prop::collection::vec(0u16..3_000, 5..6),
        step in prop_oneof![Just(0u16), 1u16..100, Just(16_000)],
    ) {
        let mut encoder = Encoder::new();
        let given = code(&mut encoder, &prior, step, &signs);
        let bytes = encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        prop_assert_eq!(code(&mut decoder, &prior, step, &blanked(&signs)), given);
        prop_assert!(!decoder.is_overrun());
        let mut meter = Meter::default();
        code(&mut meter, &prior, step, &signs);
        // A byte at the end, and what division and rounding leave over in each symbol.
        let bits = meter.cost() / COST_PER_BIT;
        let most = bits + 8 + bits / 50 + signs.len() as u64 / 50 + 1;
        prop_assert!(bytes.len() as u64 * 8 <= most, "{} bytes for {} bits", bytes.len(), bits);
    }

    #[test]
    fn any_bytes_decode_to_symbols_that_encode(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        signs in signs(),
    ) {
        let prior = [1, 20, 300, 0, 7];
        let mut decoder = Decoder::new(&bytes);
        let found = code(&mut decoder, &prior, 24, &blanked(&signs));
        let signs: Vec<Sign> = signs
            .iter()
            .zip(&found)
            .map(|(sign, value)| match sign {
                Sign::Symbol(_) => Sign::Symbol(usize::try_from(*value).expect("a symbol")),
                Sign::Bits(_, count) => Sign::Bits(*value, *count),
                Sign::Number(_) => Sign::Number(*value),
            })
            .collect();
        let mut encoder = Encoder::new();
        prop_assert_eq!(code(&mut encoder, &prior, 24, &signs), found.clone());
        let own = encoder.finish();
        prop_assert_eq!(code(&mut Decoder::new(&own), &prior, 24, &blanked(&signs)), found);
    }

    #[test]
    fn varints_have_one_spelling(value in any::<u64>(), shift in 0u32..64, tail in any::<[u8; 3]>()) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        write_varint(&mut bytes, value);
        prop_assert_eq!(unzigzag(zigzag(value)), value);
        let len = bytes.len();
        bytes.extend(tail);
        let mut rest = &bytes[..];
        prop_assert_eq!(read_varint(&mut rest), Some(value));
        prop_assert_eq!(rest, &tail[..]);
        prop_assert_eq!(read_varint(&mut &bytes[..len - 1]), None);
        // A longer spelling: the last byte goes on into a zero.
        bytes.truncate(len);
        bytes[len - 1] |= 0x80;
        bytes.push(0);
        prop_assert_eq!(read_varint(&mut &bytes[..]), None);
    }
}

#[test]
fn bytes_are_the_same_on_every_phone() {
    let mut encoder = Encoder::new();
    let signs = [
        Sign::Symbol(2),
        Sign::Symbol(2),
        Sign::Number(1000),
        Sign::Symbol(0),
        Sign::Bits(0xdead_beef, 32),
        Sign::Symbol(4),
    ];
    code(&mut encoder, &[1, 20, 300, 0, 7], 24, &signs);
    let mut meter = Meter::default();
    code(&mut meter, &[1, 20, 300, 0, 7], 24, &signs);
    assert_eq!(encoder.finish(), GOLDEN);
    // The bits that the models say, and at most one byte to end.
    assert!((56..64).contains(&(meter.cost() / COST_PER_BIT)));
    assert_eq!(Encoder::new().finish(), [0; 0]);
}

const GOLDEN: [u8; 8] = [169, 152, 246, 16, 229, 173, 194, 86];

#[test]
fn a_likely_symbol_costs_little_and_carries_run_far() {
    let mut encoder = Encoder::new();
    let mut model = Model::new(&[1, 16_000], 0);
    for _ in 0..1_000 {
        encoder.symbol(&mut model, 1);
    }
    // 1000 of them are 0.09 bits; what is left is the place of the end.
    assert!(encoder.clone().finish().len() <= 1);
    // The highest interval of all: bytes of 0xff up to the end, where a carry may come.
    let mut encoder = Encoder::new();
    for _ in 0..40 {
        encoder.bits(0xff, 8);
    }
    encoder.bits(0, 1);
    let bytes = encoder.finish();
    let mut decoder = Decoder::new(&bytes);
    assert!((0..40).all(|_| decoder.bits(0, 8) == 0xff));
}

#[test]
fn more_than_the_bytes_hold_is_seen() {
    let mut encoder = Encoder::new();
    encoder.bits(0x1234, 16);
    let bytes = encoder.finish();
    let mut decoder = Decoder::new(&bytes);
    assert_eq!(decoder.bits(0, 16), 0x1234);
    assert!(!decoder.is_overrun());
    for _ in 0..8 {
        decoder.bits(0, 16);
    }
    assert!(decoder.is_overrun());
}

#[test]
fn counts_stay_below_their_sum() {
    let mut model = Model::new(&[8_000, 8_000, 0], 10_000);
    for _ in 0..100 {
        model.learn(2);
        assert!(model.total() <= MODEL_TOTAL_MAX);
        assert_eq!(model.interval(2).0 + model.interval(2).1, model.total());
        assert_eq!(model.at(0), 0);
        assert_eq!(model.at(model.total() - 1), 2);
    }
}

const SCHEMA: Schema = Schema {
    kinds: &[
        (8, &[Column::Choice(9), Column::Byte]),
        (2, &[Column::Number, Column::Signed, Column::Near]),
        (1, &[]),
    ],
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn payloads_of_a_schema_come_back(rows in prop::collection::vec((0u8..3, any::<[u64; 3]>()), 0..20)) {
        let payloads: Vec<Vec<u8>> = rows
            .iter()
            .map(|(kind, fields)| {
                let mut payload = vec![*kind];
                match kind {
                    0 => payload.extend([fields[0].to_le_bytes()[0] % 9, fields[1].to_le_bytes()[0]]),
                    1 => fields.iter().for_each(|field| write_varint(&mut payload, *field)),
                    _ => {}
                }
                payload
            })
            .collect();
        let borrowed: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let mut encoder = Encoder::new();
        prop_assert!(SCHEMA.pack(&mut encoder, &borrowed));
        let bytes = encoder.finish();
        prop_assert_eq!(SCHEMA.unpack(&mut Decoder::new(&bytes), payloads.len()), payloads);
    }

    #[test]
    fn what_does_not_fit_a_schema_is_left_to_others(payload in prop::collection::vec(any::<u8>(), 0..12)) {
        let mut encoder = Encoder::new();
        if SCHEMA.pack(&mut encoder, &[&payload]) {
            let bytes = encoder.finish();
            prop_assert_eq!(SCHEMA.unpack(&mut Decoder::new(&bytes), 1), vec![payload]);
        } else {
            prop_assert_eq!(encoder.finish(), Vec::<u8>::new());
        }
    }
}

#[test]
fn a_schema_takes_its_fields_and_nothing_else() {
    let takes = |payload: &[u8]| SCHEMA.pack(&mut Encoder::new(), &[payload]);
    assert!(takes(&[2]) && takes(&[0, 8, 255]) && takes(&[1, 1, 1, 0x80, 1]));
    for bad in [
        &[][..],
        &[3],
        &[2, 0],
        &[0, 9, 0],
        &[0, 8],
        &[1, 1, 1],
        &[1, 1, 1, 0x80, 0],
    ] {
        assert!(!takes(bad), "{bad:?}");
    }
}
