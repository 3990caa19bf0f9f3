//! Pixels of bytes, between their neighbours.

/// Places are known to this many bits of a pixel.
pub(crate) const BITS: u32 = 6;
/// One pixel.
pub(crate) const ONE: usize = 1 << BITS;
/// Half of what the four weights sum up to.
pub(super) const HALF: i32 = 1 << (2 * BITS - 1);
/// Bytes that are read from a place.
pub(crate) const READ: usize = 8;
/// Pixels that are made at a time.
pub(crate) const GROUP: usize = 4;

/// Pixels of bytes.
///
/// # Safety
/// An implementation must access no memory but what each method's contract names.
pub(crate) unsafe trait Pixels: Copy {
    /// [`blend`], to the bit.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn blend(self, data: *const u8, stride: usize, pairs: [u8; READ], places: [Place; GROUP]) -> [u8; 12] {
        // SAFETY: the caller's.
        unsafe { blend(data, stride, pairs, places) }
    }
}

/// A place between four pixels.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Where the bytes of the first begin.
    pub(crate) at: usize,
    /// How far it is on the way to the next pixel, of [`ONE`].
    pub(crate) across: usize,
    /// And to the next line.
    pub(crate) down: usize,
}

/// [`GROUP`] pixels of an image whose lines are `stride` bytes from each other. Of channel `c` the bytes are numbers
/// `pairs[2c]` from a place, and `pairs[2c + 1]` in the pixel to its right. It is what every instruction set does.
///
/// # Safety
/// [`READ`] bytes must be readable from each place, and from that in the next line.
#[inline(always)]
pub(crate) unsafe fn blend(data: *const u8, stride: usize, pairs: [u8; READ], places: [Place; GROUP]) -> [u8; 12] {
    let mut output = [0; 12];
    for (Place { at, across, down }, output) in places.into_iter().zip(output.as_chunks_mut::<3>().0) {
        // SAFETY: the caller's.
        let [top, low] = unsafe { [at, at + stride].map(|at| data.add(at).cast::<[u8; READ]>().read()) };
        for (channel, output) in output.iter_mut().enumerate() {
            let [one, next] = [0, 1].map(|i| usize::from(pairs[2 * channel + i] & 7));
            let between = |line: [u8; READ]| usize::from(line[one]) * (ONE - across) + usize::from(line[next]) * across;
            let sum = between(top) * (ONE - down) + between(low) * down;
            *output = ((sum + HALF as usize) >> (2 * BITS)) as u8;
        }
    }
    output
}
