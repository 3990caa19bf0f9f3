//! How samples lie in the blocks of a shard.

use crc32fast::Hasher;

use crate::data::class::Class;

/// Bytes of a block. Whole pages; all of it is checked, once, when one of its samples is read.
pub(super) const BLOCK: usize = 64 << 10;
/// Blocks of a full shard: 256 MiB.
pub(super) const SHARD: usize = 4096;
/// Bytes of a block that are not its checksum.
const BODY: usize = BLOCK - 4;

/// Where the samples of a class are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) class: Class,
    /// Bytes of a sample's pixels.
    pub(super) pixels: usize,
    /// Bytes of a sample.
    pub(super) record: usize,
    /// Samples in a block.
    pub(super) per_block: usize,
}

impl Layout {
    pub(super) fn new(class: Class, side: usize, points: usize) -> Self {
        let pixels = side * side * 3;
        let record = pixels + class.targets(points) * 4;
        Self { class, pixels, record, per_block: BODY / record }
    }

    /// The block that a sample is in, and where in it.
    pub(super) fn place(&self, index: usize) -> (usize, usize) {
        (index / self.per_block, index % self.per_block * self.record)
    }

    /// How many blocks `count` samples take.
    pub(super) fn blocks(&self, count: usize) -> usize {
        count.div_ceil(self.per_block)
    }

    /// The name of a shard's file.
    pub(super) fn file(&self, shard: usize) -> String {
        format!("{}-{shard:03}.shard", self.class.plural())
    }

    /// Writes the checksum of a complete block into it.
    pub(super) fn seal(&self, block: &mut [u8], index: usize) {
        let checksum = self.checksum(block, index);
        block[BODY..].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Whether a block is as it was written.
    pub(super) fn is_sound(&self, block: &[u8], index: usize) -> bool {
        block[BODY..] == self.checksum(block, index).to_le_bytes()
    }

    /// With the block's place in it, so that shards under each other's names are found out.
    fn checksum(&self, block: &[u8], index: usize) -> u32 {
        let mut hasher = Hasher::new();
        hasher.update(&self.class.label().to_le_bytes());
        hasher.update(&(index as u64).to_le_bytes());
        hasher.update(&block[..BODY]);
        hasher.finalize()
    }
}
