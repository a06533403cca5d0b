//! A buffered file, decompressed if it is a gzip file, that counts its bytes.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use crate::{
    error::{Cause, Error, Place, Position},
    source::Progress,
};

/// Bytes that one read asks of the file.
const CHUNK: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file's content from its beginning.
pub(crate) struct Input {
    file: Arc<Path>,
    compressed: bool,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The content's bytes before `buffer[start]`.
    offset: u64,
}

impl Input {
    /// Opens a file. The content decides whether it is compressed, since users rename files.
    pub(crate) fn open(file: &Arc<Path>, progress: Arc<Progress>) -> Result<Self, Error> {
        let fail = |error: io::Error| Error::file(file, error.into());
        let opened = File::open(file).map_err(fail)?;
        progress.begin(opened.metadata().map_err(fail)?.len());
        let mut raw = BufReader::with_capacity(CHUNK, Counted { file: opened, progress });
        // `BufRead::fill_buf` may return one byte only; the magic has two.
        let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
        raw.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic).map_err(fail)?;
        let compressed = magic == GZIP_MAGIC;
        if !compressed && file.extension().is_some_and(|extension| extension == "gz") {
            return Err(Error::file(
                file,
                Cause::Damaged("it is named .gz and is no gzip file".to_owned()),
            ));
        }
        let whole = BufReader::with_capacity(CHUNK, io::Cursor::new(magic).chain(raw));
        let reader: Box<dyn Read + Send> =
            if compressed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(Self {
            file: Arc::clone(file),
            compressed,
            reader,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset: 0,
        })
    }

    /// The content's bytes before the next one.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The position of an offset.
    pub(crate) fn position(&self, offset: u64) -> Position {
        Position { file: Arc::clone(&self.file), place: self.place(offset) }
    }

    /// An error at an offset.
    pub(crate) fn error(&self, offset: u64, cause: Cause) -> Error {
        Error { file: self.file.to_path_buf(), place: self.place(offset), cause }
    }

    /// The next `count` bytes, fewer only at the end of the file.
    /// The buffer grows with the bytes that the file has, not with `count`.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], Error> {
        while self.end - self.start < count {
            if !self.fill(count)? {
                break;
            }
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// All buffered bytes, at least one of them except at the end of the file.
    pub(crate) fn buffered(&mut self) -> Result<&[u8], Error> {
        if self.start == self.end {
            self.fill(1)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Skips bytes that were peeked.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start, "only peeked bytes are consumed");
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more of the file into the buffer. Returns false at the end of the file.
    fn fill(&mut self, wanted: usize) -> Result<bool, Error> {
        if self.start > 0 && (self.start == self.end || self.buffer.len() - self.start < wanted) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let more = self.buffer.len().min(wanted - self.buffer.len()).max(CHUNK);
            self.buffer.reserve_exact(more);
            self.buffer.resize(self.buffer.len() + more, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_error(error)),
            }
        }
    }

    fn read_error(&self, error: io::Error) -> Error {
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof if self.compressed => {
                Cause::Truncated("the compressed stream has no end")
            }
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput if self.compressed => {
                Cause::Damaged(format!("the compressed stream is invalid ({error})"))
            }
            _ => Cause::Io(error),
        };
        self.error(self.offset + (self.end - self.start) as u64, cause)
    }

    fn place(&self, offset: u64) -> Place {
        if self.compressed { Place::DecompressedByte(offset) } else { Place::Byte(offset) }
    }
}

/// Counts the bytes of the file itself.
struct Counted {
    file: File,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
