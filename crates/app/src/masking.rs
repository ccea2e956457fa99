//! Masking: secret values in what a command prints are replaced by `***`, wherever a buffer's edge cuts them.
//!
//! Values are looked for byte by byte, as they were stored: an encoded or transformed one is not recognized. A
//! stretch of values that overlap or touch becomes one mask. Each value is followed through the stream by the
//! method of Knuth, Morris and Pratt, so that no text takes more than a step for each of its bytes and values.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

const MASK: &[u8] = b"***";

/// The values that must not be seen. Wiped from memory when it is dropped, and prints nothing of them.
#[derive(Clone, Default)]
pub struct Mask {
    values: Vec<Value>,
}

/// Masks one stream of bytes as it comes.
pub struct MaskedStream<'m> {
    mask: &'m Mask,
    /// Which bytes a value begins with.
    beginnings: Box<[bool; 256]>,
    /// For each value, how many of its bytes the stream ends with now.
    matched: Vec<usize>,
    /// How many of these are not 0.
    matching: usize,
    /// What may be the beginning of a value, and can't be let go before more has come.
    held: Zeroizing<Vec<u8>>,
    /// Where `held` begins in the stream.
    begin: usize,
    /// The stretches of the stream that are values and not wholly let go: apart from each other, in order.
    found: Vec<Stretch>,
    /// Whether the last byte that was let go belonged to a value: what follows may be of the same mask.
    in_value: bool,
}

/// From the first byte to the one behind the last.
#[derive(Clone, Copy)]
struct Stretch {
    begin: usize,
    end: usize,
}

/// A value, and for each of its beginnings how long the longest part is that it both begins and ends with.
#[derive(Clone)]
struct Value {
    bytes: Zeroizing<Vec<u8>>,
    borders: Zeroizing<Vec<usize>>,
}

impl Mask {
    /// Masks these values; empty ones are left out.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Self {
        Self { values: values.into_iter().filter(|value| !value.is_empty()).map(Value::new).collect() }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A stream to be masked.
    pub fn stream(&self) -> MaskedStream<'_> {
        let mut beginnings = Box::new([false; 256]);
        for first in self.values.iter().filter_map(|value| value.bytes.first()) {
            if let Some(is_beginning) = beginnings.get_mut(usize::from(*first)) {
                *is_beginning = true;
            }
        }
        MaskedStream {
            mask: self,
            beginnings,
            matched: vec![0; self.values.len()],
            matching: 0,
            held: Zeroizing::default(),
            begin: 0,
            found: Vec::new(),
            in_value: false,
        }
    }

    /// The bytes with every value in them masked. `is_cut` says that more had followed, and was dropped: then
    /// the beginning of a value at the very end is masked too, without making it longer.
    pub fn apply(&self, mut bytes: Vec<u8>, is_cut: bool) -> Vec<u8> {
        if self.is_empty() {
            return bytes;
        }
        let mut stream = self.stream();
        let mut masked = stream.push(&bytes);
        masked.extend(stream.finish(is_cut));
        bytes.zeroize();
        masked
    }

    /// The text with every value in it masked.
    pub fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.apply(text.as_bytes().to_vec(), false)).into_owned()
    }
}

impl MaskedStream<'_> {
    /// Takes what came, and yields what may be shown by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.mask.is_empty() {
            return bytes.to_vec();
        }
        let mut end = self.begin + self.held.len();
        self.hold(bytes);
        for byte in bytes {
            end += 1;
            self.follow(*byte, end);
        }
        let undecided = self.matched.iter().max().copied().unwrap_or_default();
        self.let_go(end - undecided)
    }

    /// Yields the rest, when no more will come. `is_cut` as in [`Mask::apply`].
    pub fn finish(mut self, is_cut: bool) -> Vec<u8> {
        let end = self.begin + self.held.len();
        let cut = if is_cut { self.matched.iter().max().copied().unwrap_or_default() } else { 0 };
        if cut == 0 {
            return self.let_go(end);
        }
        let mut shown = self.let_go(end - cut);
        if !self.in_value {
            shown.extend(MASK.iter().take(cut));
        }
        shown
    }

    /// Keeps the bytes until it is known what they are, without leaving copies behind.
    fn hold(&mut self, bytes: &[u8]) {
        if self.held.capacity() - self.held.len() < bytes.len() {
            let mut more = Vec::with_capacity((self.held.len() + bytes.len()).next_power_of_two());
            more.extend_from_slice(&self.held);
            self.held = Zeroizing::new(more);
        }
        self.held.extend_from_slice(bytes);
    }

    /// Takes every value a byte further; `end` is the place behind that byte.
    fn follow(&mut self, byte: u8, end: usize) {
        let is_beginning = self.beginnings.get(usize::from(byte)).copied().unwrap_or_default();
        if self.matching == 0 && !is_beginning {
            return;
        }
        self.matching = 0;
        for (value, matched) in self.mask.values.iter().zip(&mut self.matched) {
            *matched = value.step(*matched, byte);
            let length = value.bytes.len();
            if *matched == length {
                *matched = value.border(length);
                note(&mut self.found, Stretch { begin: end - length, end });
            }
            self.matching += usize::from(*matched > 0);
        }
    }

    /// Lets go what stands before `end`, the values in it masked.
    fn let_go(&mut self, end: usize) -> Vec<u8> {
        let count = end - self.begin;
        let mut shown = Vec::with_capacity(count);
        let mut place = self.begin;
        for stretch in self.found.iter().take_while(|stretch| stretch.begin < end) {
            if stretch.begin > place {
                shown.extend_from_slice(
                    self.held.get(place - self.begin..stretch.begin - self.begin).unwrap_or_default(),
                );
                self.in_value = false;
            }
            if !self.in_value {
                shown.extend_from_slice(MASK);
            }
            self.in_value = true;
            place = stretch.end.min(end);
        }
        if place < end {
            shown.extend_from_slice(self.held.get(place - self.begin..count).unwrap_or_default());
            self.in_value = false;
        }
        self.found.retain(|stretch| stretch.end > end);
        for stretch in &mut self.found {
            stretch.begin = stretch.begin.max(end);
        }
        self.held.drain(..count);
        self.begin = end;
        shown
    }
}

/// Adds a stretch that ends no earlier than those before it, and joins it with those that it touches.
fn note(found: &mut Vec<Stretch>, mut stretch: Stretch) {
    while let Some(last) = found.pop_if(|last| last.end >= stretch.begin) {
        stretch.begin = stretch.begin.min(last.begin);
    }
    found.push(stretch);
}

impl Value {
    fn new(bytes: &[u8]) -> Self {
        let mut value = Self {
            bytes: Zeroizing::new(bytes.to_vec()),
            borders: Zeroizing::new(Vec::with_capacity(bytes.len())),
        };
        let mut matched = 0;
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 {
                matched = value.step(matched, *byte);
            }
            value.borders.push(matched);
        }
        value
    }

    /// How many bytes of the value a stream ends with that ended with `matched` of them before `byte`.
    fn step(&self, mut matched: usize, byte: u8) -> usize {
        loop {
            if self.bytes.get(matched) == Some(&byte) {
                return matched + 1;
            }
            if matched == 0 {
                return 0;
            }
            matched = self.border(matched);
        }
    }

    fn border(&self, matched: usize) -> usize {
        self.borders.get(matched.wrapping_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} values)", self.values.len())
    }
}

impl fmt::Debug for MaskedStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskedStream(…)")
    }
}

#[cfg(test)]
mod tests;
