//! Reading `text/event-stream` (WHATWG HTML, 9.2.6), as far as a gateway writes it.

use std::collections::VecDeque;

/// The most bytes of one event: its line in the log is far shorter.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its id: from where to go on behind it.
    pub(super) id: Option<String>,
    /// Its data.
    pub(super) data: String,
}

/// Cuts a stream into its events, however its pieces come.
#[derive(Debug, Default)]
pub(super) struct Frames {
    line: Vec<u8>,
    id: Option<String>,
    /// The id that came without an event: where the stream begins.
    start: Option<String>,
    data: Option<String>,
    complete: VecDeque<Frame>,
}

impl Frames {
    /// Takes a piece of the stream.
    ///
    /// # Errors
    /// How many bytes an event may have at the most, when there are more.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), usize> {
        for byte in piece {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            } else {
                self.line.push(*byte);
            }
        }
        let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if held > EVENT_BYTES_MAX { Err(EVENT_BYTES_MAX) } else { Ok(()) }
    }

    /// The next event that has come as a whole.
    pub(super) fn take(&mut self) -> Option<Frame> {
        self.complete.pop_front()
    }

    /// Where the stream begins, once that has come.
    pub(super) fn start(&self) -> Option<&str> {
        self.start.as_deref()
    }

    fn take_line(&mut self, line: &str) {
        if line.is_empty() {
            // An event without data is none; comments are signs of life.
            match (self.id.take(), self.data.take()) {
                (id, Some(data)) => self.complete.push_back(Frame { id, data }),
                (Some(id), None) => self.start = Some(id),
                (None, None) => {}
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_out_of_any_pieces_and_comments_are_none() {
        let stream = b": nothing new\n\nid: 7\nevent: audit\ndata: {\"a\":\ndata: 1}\n\n:\n\nid: 8\r\ndata: \xc3\xa9\r\n\r\nid: 9\n";
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            for piece in stream.chunks(size) {
                frames.push(piece).unwrap();
            }
            let taken: Vec<_> = std::iter::from_fn(|| frames.take()).collect();
            let expected = [
                Frame { id: Some("7".to_owned()), data: "{\"a\":\n1}".to_owned() },
                Frame { id: Some("8".to_owned()), data: "é".to_owned() },
            ];
            assert_eq!(taken, expected, "pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_not_kept_for_ever() {
        let mut frames = Frames::default();
        assert_eq!(frames.push(&vec![b'x'; EVENT_BYTES_MAX + 1]), Err(EVENT_BYTES_MAX));
    }
}
