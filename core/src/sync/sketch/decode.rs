//! From syndromes to the elements: Berlekamp-Massey finds the polynomial whose roots they are, traces
//! split it.
//!
//! Every loop is bounded by the capacity: at most about 128 d² products for d roots, and as many
//! traces of 64 d products as [`TRACES_MAX`] allows.

use super::field::{BITS, Factor, invert, multiply, square};

/// Traces tried per split. Each one separates two given roots with probability 1/2, so an honest
/// polynomial fails once in 2^128.
const TRACES_MAX: usize = 128;

/// A polynomial over the field, the constant first, without leading zeros.
type Polynomial = Vec<u64>;

/// The elements whose odd power sums are `odd`: none where no set of fewer elements than there are
/// sums has them.
pub(super) fn decode(odd: &[u64]) -> Option<Vec<u64>> {
    let locator = locator(&sums(odd));
    let degree = locator.len() - 1;
    // The last sum is the check: a polynomial that uses all of them fits anything.
    if degree >= odd.len() {
        return None;
    }
    // The locator's roots are the inverses of the elements.
    let polynomial: Polynomial = locator.into_iter().rev().collect();
    if degree == 0 {
        return Some(Vec::new());
    }
    if polynomial[0] == 0 {
        return None;
    }
    roots(&polynomial)
}

/// All power sums from the odd ones: squaring a sum squares its terms.
fn sums(odd: &[u64]) -> Vec<u64> {
    let mut sums: Vec<u64> = vec![0; 2 * odd.len()];
    for (index, odd) in odd.iter().enumerate() {
        sums[2 * index] = *odd;
    }
    for power in 1..=odd.len() {
        sums[2 * power - 1] = square(sums[power - 1]);
    }
    sums
}

/// The shortest recurrence that makes `sums` (Berlekamp-Massey), the factor 1 of the newest first.
fn locator(sums: &[u64]) -> Polynomial {
    let mut current = vec![1];
    let mut before = vec![1];
    let mut before_inverse = 1;
    let mut len = 0;
    let mut shift = 1;
    for (at, sum) in sums.iter().enumerate() {
        let mut discrepancy = *sum;
        for (factor, earlier) in current
            .iter()
            .skip(1)
            .zip(sums[..at].iter().rev())
            .take(len)
        {
            discrepancy ^= multiply(*factor, *earlier);
        }
        if discrepancy == 0 {
            shift += 1;
            continue;
        }
        let grows = 2 * len <= at;
        let kept = grows.then(|| current.clone());
        let factor = Factor::new(multiply(discrepancy, before_inverse));
        current.resize(current.len().max(before.len() + shift), 0);
        for (to, from) in current[shift..].iter_mut().zip(&before) {
            *to ^= factor.times(*from);
        }
        match kept {
            Some(kept) => {
                before = kept;
                before_inverse = invert(discrepancy);
                len = at + 1 - len;
                shift = 1;
            }
            None => shift += 1,
        }
    }
    // A recurrence of length `len` has that many factors, be the last ones zero: such a one has the
    // root zero, which is no element.
    current.resize(len + 1, 0);
    current
}

/// The roots of a polynomial with the leading factor 1, where it has as many different ones as its
/// degree.
fn roots(polynomial: &[u64]) -> Option<Vec<u64>> {
    let degree = polynomial.len() - 1;
    let mut powers: Vec<Polynomial> = Vec::with_capacity(BITS);
    let mut power = remainder(vec![0, 1], polynomial);
    for _ in 0..BITS {
        let next = remainder(squared(&power), polynomial);
        powers.push(power);
        power = next;
    }
    // x^(2^64) - x has each element of the field as a root once.
    if trimmed(power) != powers[0] {
        return None;
    }
    let mut found = Vec::with_capacity(degree);
    let mut seed = polynomial.iter().fold(1, |seed, factor| {
        multiply(seed, 0x9E37_79B9_7F4A_7C15) ^ factor
    });
    let mut left = vec![(polynomial.to_vec(), powers)];
    while let Some((polynomial, powers)) = left.pop() {
        if let [root, _] = polynomial[..] {
            found.push(root);
            continue;
        }
        let (one, other) = split(&polynomial, &powers, &mut seed)?;
        for share in [one, other] {
            let powers = powers
                .iter()
                .map(|power| remainder(power.clone(), &share))
                .collect();
            left.push((share, powers));
        }
    }
    Some(found)
}

/// Two factors of `polynomial`: the roots whose product with some element has the trace 0, and those
/// where it has the trace 1.
fn split(
    polynomial: &[u64],
    powers: &[Polynomial],
    seed: &mut u64,
) -> Option<(Polynomial, Polynomial)> {
    for _ in 0..TRACES_MAX {
        // Mixed from the polynomial: whoever chose it did not choose what splits it.
        *seed = multiply(*seed, 0xD134_2543_DE82_EF95) ^ seed.rotate_left(29);
        let mut element = *seed | 1;
        let mut trace = vec![0; polynomial.len() - 1];
        for power in powers {
            let factor = Factor::new(element);
            for (sum, term) in trace.iter_mut().zip(power) {
                *sum ^= factor.times(*term);
            }
            element = square(element);
        }
        let one = divisor(polynomial.to_vec(), trimmed(trace));
        if (2..polynomial.len()).contains(&one.len()) {
            let other = quotient(polynomial, &one);
            return Some((one, other));
        }
    }
    None
}

/// The greatest common divisor, its leading factor 1; `left` must not be zero.
fn divisor(mut left: Polynomial, mut right: Polynomial) -> Polynomial {
    while let Some(leading) = right.last() {
        let factor = Factor::new(invert(*leading));
        for term in &mut right {
            *term = factor.times(*term);
        }
        left = remainder(left, &right);
        std::mem::swap(&mut left, &mut right);
    }
    left
}

/// `left` modulo `right`, whose leading factor is 1.
fn remainder(mut left: Polynomial, right: &[u64]) -> Polynomial {
    let degree = right.len() - 1;
    while left.len() > degree {
        let leading = left.pop().expect("longer than the degree");
        if leading != 0 {
            let factor = Factor::new(leading);
            let from = left.len() - degree;
            for (to, term) in left[from..].iter_mut().zip(right) {
                *to ^= factor.times(*term);
            }
        }
    }
    trimmed(left)
}

/// `left` over `right`, whose leading factor is 1 and which divides it.
fn quotient(left: &[u64], right: &[u64]) -> Polynomial {
    let degree = right.len() - 1;
    let mut left = left.to_vec();
    let mut quotient = vec![0; left.len() - degree];
    for at in (0..quotient.len()).rev() {
        let leading = left[at + degree];
        quotient[at] = leading;
        let factor = Factor::new(leading);
        for (to, term) in left[at..].iter_mut().zip(right) {
            *to ^= factor.times(*term);
        }
    }
    quotient
}

fn squared(polynomial: &[u64]) -> Polynomial {
    let mut squared = vec![0; (2 * polynomial.len()).saturating_sub(1)];
    for (index, factor) in polynomial.iter().enumerate() {
        squared[2 * index] = square(*factor);
    }
    squared
}

fn trimmed(mut polynomial: Polynomial) -> Polynomial {
    while polynomial.last() == Some(&0) {
        polynomial.pop();
    }
    polynomial
}
