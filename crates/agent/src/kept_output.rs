//! Of what a command prints, the beginning and the end: however much it is, no more than a few times what is shown is held.

/// The beginning and the end of what a command prints.
pub(crate) struct Kept {
    bytes_max: usize,
    head: String,
    tail: String,
    total: usize,
}

impl Kept {
    /// Nothing yet; of what comes, about so much is shown.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, head: String::new(), tail: String::new(), total: 0 }
    }

    /// How much was printed, in bytes.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Takes what is printed next.
    pub(crate) fn push(&mut self, text: &str) {
        self.total = self.total.saturating_add(text.len());
        let room = self.bytes_max.saturating_sub(self.head.len());
        let cut = if self.tail.is_empty() { text.floor_char_boundary(room.min(text.len())) } else { 0 };
        let (head, rest) = text.split_at(cut);
        self.head.push_str(head);
        self.tail.push_str(rest);
        if self.tail.len() > self.bytes_max.saturating_mul(2) {
            let start = self.tail.ceil_char_boundary(self.tail.len() - self.bytes_max);
            self.tail.drain(..start);
        }
    }

    /// What is shown, and how many bytes are not.
    pub(crate) fn shown(&self) -> (String, usize) {
        if self.total <= self.bytes_max {
            return (format!("{}{}", self.head, self.tail), 0);
        }
        let head_end = self.head.floor_char_boundary(self.bytes_max.saturating_mul(2) / 3);
        let tail_start = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(self.bytes_max / 3));
        let head = self.head.get(..head_end).unwrap_or_default();
        let tail = self.tail.get(tail_start..).unwrap_or_default();
        let left_out = self.total.saturating_sub(head.len() + tail.len());
        (format!("{head}\n[… {left_out} bytes left out …]\n{tail}"), left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_beginning_and_the_end_are_kept() {
        let mut kept = Kept::new(300);
        kept.push("begin ");
        for _ in 0..10_000 {
            kept.push("ünknown ");
        }
        kept.push("end");
        let (text, left_out) = kept.shown();
        assert!(text.starts_with("begin ü") && text.ends_with(" end"), "{text}");
        assert!(text.len() < 400 && left_out > 80_000, "{left_out}");
        assert!(kept.tail.len() <= 600 && kept.head.len() <= 300);
    }

    #[test]
    fn little_output_is_kept_whole() {
        let mut kept = Kept::new(300);
        kept.push("a\n");
        kept.push("b\n");
        assert_eq!(kept.shown(), ("a\nb\n".to_owned(), 0));
    }
}
