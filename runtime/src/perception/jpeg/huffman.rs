//! Huffman codes and the bits they are read from (ITU T.81, C and F.2.2).

/// How many bits of the data choose an [`Entry`]: nearly all codes of a photograph, with the value behind them, are no longer.
pub(super) const LOOK_BITS: u32 = 11;
/// The longest code, in bits.
const LONGEST: usize = 16;
/// Behind the data of a scan stand so many bytes more, of ones, which are no code.
pub(super) const PADDING_BYTES: usize = 16;

/// The data are damaged: they hold no code, or end too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage;

/// What one look at a table tells: up to two coefficients, and whether the block ends behind them. Packed, as one read of memory is to
/// give all of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry(u64);

impl Entry {
    /// Stands where one look does not suffice. Leads beyond any block.
    const LONG: Self = Self(128 << 8);

    /// A code with its value, behind so many zeros.
    fn coefficient(bits: u32, zeros: u32, value: i32) -> Self {
        Self(u64::from(bits) | u64::from(zeros + 1) << 8 | u64::from(zeros) << 18 | (value as u64 & 0xFFFF) << 32)
    }

    /// The code of the end of a block.
    fn end(bits: u32) -> Self {
        Self(u64::from(bits) | (END as u64 + 1) << 8)
    }

    /// With a second one behind it.
    fn then(self, second: Self) -> Self {
        if second.step() > END {
            return Self(self.0 + u64::from(second.bits()) + ((second.step() as u64) << 8));
        }
        let offset = self.step() + second.first_place();
        Self(
            u64::from(self.bits() + second.bits())
                | ((self.step() + second.step()) as u64) << 8
                | (self.0 & 0x1F << 18)
                | (offset as u64) << 23
                | (self.0 & 0xFFFF << 32)
                | ((second.first() as u64 & 0xFFFF) << 48),
        )
    }

    fn bits(self) -> u32 {
        self.0 as u32 & 0x3F
    }

    /// How many places further the next coefficient is; [`END`] and one more where there is none.
    #[inline(always)]
    pub(super) fn step(self) -> usize {
        (self.0 >> 8) as usize & 0x3FF
    }

    /// How many places further than where it begins the first coefficient is.
    #[inline(always)]
    pub(super) fn first_place(self) -> usize {
        (self.0 >> 18) as usize & 0x1F
    }

    /// The same of the second.
    #[inline(always)]
    pub(super) fn second_place(self) -> usize {
        (self.0 >> 23) as usize & 0x3F
    }

    /// The first coefficient, in steps of its quantisation.
    #[inline(always)]
    pub(super) fn first(self) -> i32 {
        i32::from((self.0 >> 32) as i16)
    }

    /// The second coefficient, 0 where there is none.
    #[inline(always)]
    pub(super) fn second(self) -> i32 {
        i32::from((self.0 >> 48) as i16)
    }
}

/// How far the end of a block leads: beyond anything that coefficients do.
pub(super) const END: usize = 512;

/// What a code's symbol means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The difference of a block's mean level from that of the block before.
    Mean,
    /// The other coefficients, in runs of zeros.
    Waves,
}

/// One Huffman table, ready to be looked up.
#[derive(Debug, Clone)]
pub(super) struct Table {
    kind: Kind,
    counts: [u8; LONGEST],
    symbols: [u8; 256],
    looks: [Entry; 1 << LOOK_BITS],
    /// For each length one more than its last code, moved to the left of 16 bits.
    ends: [u32; LONGEST],
    /// For each length what takes a code to the place of its symbol.
    offsets: [i32; LONGEST],
}

impl Table {
    /// A table without codes.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            counts: [0; LONGEST],
            symbols: [0; 256],
            looks: [Entry::LONG; 1 << LOOK_BITS],
            ends: [0; LONGEST],
            offsets: [0; LONGEST],
        }
    }

    /// Takes the codes of a DHT segment: how many there are of each length, and their symbols. Those of the frame before cost
    /// nothing. `None` where they are no Huffman code.
    pub(super) fn set(&mut self, counts: &[u8; LONGEST], symbols: &[u8]) -> Option<()> {
        let known = self.symbols.get(..symbols.len())?;
        if (&self.counts, known) == (counts, symbols) {
            return Some(());
        }
        let mut code = 0_u32;
        let mut place = 0;
        self.counts = [0; LONGEST];
        for (length, &count) in (1..).zip(counts) {
            self.offsets[length - 1] = place - code as i32;
            code += u32::from(count);
            place += i32::from(count);
            if code > 1 << length {
                return None;
            }
            self.ends[length - 1] = code << (LONGEST - length);
            code <<= 1;
        }
        if place as usize != symbols.len() {
            return None;
        }
        self.symbols[..symbols.len()].copy_from_slice(symbols);
        self.counts = *counts;
        let single: [Entry; 1 << LOOK_BITS] = std::array::from_fn(|bits| {
            let entry = self.entry((bits as u32) << (32 - LOOK_BITS));
            entry.filter(|entry| entry.bits() <= LOOK_BITS).unwrap_or(Entry::LONG)
        });
        self.looks = single;
        if self.kind == Kind::Waves {
            // As long as what follows is in sight, one look is saved.
            let following = |bits: usize, taken: u32| {
                let second = single[bits << taken & ((1 << LOOK_BITS) - 1)];
                (second.bits() > 0 && taken + second.bits() <= LOOK_BITS).then_some(second)
            };
            for (bits, entry) in self.looks.iter_mut().enumerate() {
                for _ in 0..2 {
                    let is_open = entry.bits() > 0 && entry.step() < END;
                    let second = following(bits, entry.bits()).filter(|_| is_open);
                    // There is room for two coefficients, and for the end behind them.
                    if let Some(second) = second.filter(|second| entry.second_place() == 0 || second.step() > END) {
                        *entry = entry.then(second);
                    }
                }
            }
        }
        Some(())
    }

    /// The one code that 32 bits of data begin with, however long; [`Entry::LONG`] where there is none.
    #[cold]
    #[inline(never)]
    pub(super) fn one(&self, data: u32) -> Entry {
        self.entry(data).unwrap_or(Entry::LONG)
    }

    /// What 32 bits of data begin with; `None` where that is no code.
    fn entry(&self, data: u32) -> Option<Entry> {
        let front = data >> 16;
        let length = 1 + self.ends.iter().position(|&end| front < end)?;
        let code = (front >> (LONGEST - length)) as i32;
        let symbol = *self
            .symbols
            .get(usize::try_from(code + self.offsets[length - 1]).ok()?)?;
        let (zeros, size) = match self.kind {
            Kind::Mean => (0, u32::from(symbol)),
            Kind::Waves => (u32::from(symbol >> 4), u32::from(symbol & 15)),
        };
        // Of 8 bits a sample, no difference has more than eleven (ITU T.81, F.1.2.1.2).
        if size > 11 {
            return None;
        }
        let length = length as u32;
        if size == 0 {
            let is_end = self.kind == Kind::Waves && zeros != 15;
            return Some(if is_end {
                Entry::end(length)
            } else {
                Entry::coefficient(length, zeros, 0)
            });
        }
        let value = ((data << length) >> (32 - size)) as i32;
        let is_negative = value < 1 << (size - 1);
        let value = if is_negative { value - (1 << size) + 1 } else { value };
        Some(Entry::coefficient(length + size, zeros, value))
    }
}

/// The data of a scan without the zeros that are stuffed behind each `0xFF`, read from the highest bit on.
///
/// It is small and copied about, so that a block is read with all of it in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest on.
    buffer: u64,
    /// How many bits of the buffer count.
    count: u32,
}

impl<'a> Bits<'a> {
    /// Those of `data`, which end with [`PADDING_BYTES`] ones, from byte `at` on.
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            buffer: 0,
            count: 0,
        }
    }

    /// With 56 bits at least in the buffer.
    #[inline(always)]
    pub(super) fn refilled(self) -> Result<Self, Damage> {
        let bytes = self.data.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(Damage)?;
        Ok(Self {
            buffer: self.buffer | u64::from_be_bytes(*bytes) >> self.count,
            at: self.at + ((63 - self.count as usize) >> 3),
            count: self.count | 56,
            ..self
        })
    }

    /// What one look at a table tells of what the buffer begins with: at most [`LOOK_BITS`].
    #[inline(always)]
    pub(super) fn look(self, table: &Table) -> Entry {
        table.looks[(self.buffer >> (64 - LOOK_BITS)) as usize]
    }

    /// The next 32 bits, of a full buffer.
    #[inline(always)]
    pub(super) fn front(self) -> u32 {
        (self.buffer >> 32) as u32
    }

    /// Behind an entry.
    #[inline(always)]
    pub(super) fn without(self, entry: Entry) -> Self {
        Self {
            buffer: self.buffer << entry.bits(),
            count: self.count - entry.bits(),
            ..self
        }
    }

    /// How many bits of the data are before the next.
    pub(super) fn position(&self) -> usize {
        self.at * 8 - self.count as usize
    }

    /// Whether no more was read than the data have.
    pub(super) fn is_within(&self) -> bool {
        self.position() <= (self.data.len() - PADDING_BYTES) * 8
    }
}
