//! GF(2^64): polynomials over bits modulo x^64 + x^4 + x^3 + x + 1. Addition is xor.

/// Bits of an element.
pub(super) const BITS: usize = 64;

/// A factor with its sixteen multiples by a nibble, for many products.
#[derive(Clone, Copy)]
pub(super) struct Factor([u128; 16]);

impl Factor {
    pub(super) fn new(factor: u64) -> Self {
        let mut multiples = [0; 16];
        multiples[1] = u128::from(factor);
        for nibble in 1..8 {
            multiples[2 * nibble] = multiples[nibble] << 1;
            multiples[2 * nibble + 1] = multiples[2 * nibble] ^ multiples[1];
        }
        Self(multiples)
    }

    pub(super) fn times(&self, other: u64) -> u64 {
        let mut product = 0;
        for shift in (0..BITS).step_by(4).rev() {
            product = product << 4 ^ self.0[(other >> shift & 15) as usize];
        }
        reduce(product)
    }
}

pub(super) fn multiply(left: u64, right: u64) -> u64 {
    Factor::new(left).times(right)
}

/// Squaring puts a zero between any two bits.
pub(super) fn square(element: u64) -> u64 {
    reduce(u128::from(spread(element >> 32)) << 64 | u128::from(spread(element & 0xFFFF_FFFF)))
}

/// The inverse of an element that is not zero: its power 2^64 - 2.
pub(super) fn invert(element: u64) -> u64 {
    let mut power = element;
    let mut product = 1;
    for _ in 1..BITS {
        power = square(power);
        product = multiply(product, power);
    }
    product
}

/// `element` to the power `exponent`.
pub(super) fn power(element: u64, mut exponent: u64) -> u64 {
    let mut square_of = element;
    let mut product = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = multiply(product, square_of);
        }
        square_of = square(square_of);
        exponent >>= 1;
    }
    product
}

fn reduce(product: u128) -> u64 {
    // x^64 is x^4 + x^3 + x + 1.
    let fold = |high: u128| high ^ high << 1 ^ high << 3 ^ high << 4;
    let once = fold(product >> 64);
    // At most four bits are left above.
    (product as u64) ^ (once as u64) ^ (fold(once >> 64) as u64)
}

/// The low 32 bits, a zero after each.
fn spread(half: u64) -> u64 {
    let mut bits = half;
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555_u64),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bit by bit, as the definition says it.
    fn slow(left: u64, mut right: u64) -> u64 {
        let mut term = left;
        let mut product = 0;
        while right > 0 {
            if right & 1 == 1 {
                product ^= term;
            }
            let carry = term >> 63;
            term = (term << 1) ^ (carry * 0b1_1011);
            right >>= 1;
        }
        product
    }

    proptest! {
        #[test]
        fn is_the_field_of_its_definition(a in any::<u64>(), b in any::<u64>(), c in any::<u64>()) {
            prop_assert_eq!(multiply(a, b), slow(a, b));
            prop_assert_eq!(square(a), slow(a, a));
            prop_assert_eq!(multiply(a, b ^ c), multiply(a, b) ^ multiply(a, c));
            prop_assert_eq!(power(a, 5), multiply(multiply(square(a), square(a)), a));
            if a != 0 {
                prop_assert_eq!(multiply(a, invert(a)), 1);
            }
        }
    }

    #[test]
    fn the_modulus_is_irreducible() {
        // x^(2^64) = x and gcd(x^(2^32) - x, modulus) = 1: 64 has no prime factor but 2. In a field
        // the second says that x^(2^32) is not x and its difference has an inverse.
        let mut element = 2;
        for _ in 0..32 {
            element = square(element);
        }
        let difference = element ^ 2;
        assert_ne!(difference, 0);
        assert_eq!(multiply(difference, invert(difference)), 1);
        for _ in 0..32 {
            element = square(element);
        }
        assert_eq!(element, 2);
    }
}
