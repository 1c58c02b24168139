//! Frames that later ones overtake: the fault `reorder`.
//!
//! Invariant: no frame is lost or doubled; without a frame to hold back the order is untouched.

use super::out::Queued;

/// Frames held back, oldest first, each with how many may still go before it.
#[derive(Debug, Default)]
pub(super) struct Overtaken(Vec<Queued>);

impl Overtaken {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out of the batch what is to wait, and puts in what has waited enough.
    pub(super) fn pass(&mut self, batch: &mut Vec<Queued>) {
        if self.0.is_empty() && batch.iter().all(|frame| frame.behind == 0) {
            return;
        }
        for frame in std::mem::take(batch) {
            if frame.behind > 0 {
                self.0.push(frame);
                continue;
            }
            batch.push(frame);
            for held in &mut self.0 {
                held.behind -= 1;
            }
            batch.extend(self.0.extract_if(.., |held| held.behind == 0));
        }
    }

    /// Everything that still waits: nobody came to overtake it.
    pub(super) fn release(&mut self, batch: &mut Vec<Queued>) {
        batch.extend(self.0.drain(..).map(|frame| Queued { behind: 0, ..frame }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(wanted: &[(&'static [u8], u32)]) -> Vec<Queued> {
        wanted.iter().map(|(bytes, behind)| Queued { bytes: bytes::Bytes::from_static(bytes), behind: *behind }).collect()
    }

    fn text(batch: &[Queued]) -> String {
        batch.iter().map(|frame| String::from_utf8_lossy(&frame.bytes)).collect()
    }

    #[test]
    fn a_frame_goes_after_as_many_as_were_asked_for() {
        let mut overtaken = Overtaken::default();
        let mut batch = frames(&[(b"a", 0), (b"b", 2), (b"c", 0), (b"d", 0), (b"e", 0)]);
        overtaken.pass(&mut batch);
        assert_eq!((text(&batch).as_str(), overtaken.is_empty()), ("acdbe", true));
    }

    #[test]
    fn it_waits_over_batches_and_is_let_go_in_the_end() {
        let mut overtaken = Overtaken::default();
        let mut batch = frames(&[(b"a", 1), (b"b", 5)]);
        overtaken.pass(&mut batch);
        assert_eq!((text(&batch).as_str(), overtaken.is_empty()), ("", false));
        let mut batch = frames(&[(b"c", 0)]);
        overtaken.pass(&mut batch);
        overtaken.release(&mut batch);
        assert_eq!((text(&batch).as_str(), overtaken.is_empty()), ("cab", true));
    }
}
