//! Where randomness comes from: an argument, never an ambient source.

/// A source of cryptographically strong random bytes, such as the operating system's generator.
pub trait Entropy {
    /// Fills `bytes` with random bytes.
    ///
    /// # Errors
    /// [`EntropyFailed`] when the source can't be read; nothing may be made from what `bytes` then holds.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed>;
}

/// The source of randomness could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator could not be read")]
pub struct EntropyFailed;

/// One character of `alphabet` for each byte of `out`, without bias (bytes beyond the largest multiple of
/// the alphabet's size are drawn again).
pub(crate) fn fill_from_alphabet(
    entropy: &mut dyn Entropy,
    alphabet: &[u8],
    out: &mut [u8],
) -> Result<(), EntropyFailed> {
    let size = alphabet.len();
    let usable = 256 - 256 % size;
    let mut pool = zeroize::Zeroizing::new([0_u8; 64]);
    let mut slots = out.iter_mut();
    let mut slot = slots.next();
    while slot.is_some() {
        entropy.fill(pool.as_mut())?;
        for byte in pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < usable) {
            let (Some(place), Some(letter)) = (slot, alphabet.get(byte % size)) else { return Ok(()) };
            *place = *letter;
            slot = slots.next();
        }
    }
    Ok(())
}
