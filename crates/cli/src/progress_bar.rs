//! How far a deployment is, as a bar on a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use toolfront_client::Progress;

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug, Default)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Progress for Bar {
    fn begin(&mut self, files: usize, bytes: u64) {
        let bar = ProgressBar::new(bytes).with_message(crate::layout::count(files, "file", "files"));
        if let Ok(style) =
            ProgressStyle::with_template("sending {msg} {wide_bar} {bytes}/{total_bytes} {eta}")
        {
            bar.set_style(style);
        }
        self.0 = Some(bar);
    }

    fn sent(&mut self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
