//! Contenders, interleaved: A B C A B C …, medians, ratios of one run.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One contender: a name and what it does once.
pub struct Contender<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new<T>(name: &'static str, mut run: impl FnMut() -> T + 'a) -> Self {
        Self { name, run: Box::new(move || drop(black_box(run()))) }
    }
}

/// A race need not last longer for each contender, where a few hundred rounds tell enough.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// What a race found: for each contender, the nanoseconds of one run in each round.
pub struct Samples(Vec<Vec<f64>>);

impl Samples {
    /// The median of a contender, in nanoseconds.
    pub fn median(&self, contender: usize) -> f64 {
        median(self.0[contender].clone())
    }

    /// How much longer one contender takes than another: the median of the ratios of the rounds. What
    /// makes the machine slower for a while makes both slower.
    pub fn ratio(&self, one: usize, other: usize) -> f64 {
        median(self.0[one].iter().zip(&self.0[other]).map(|(one, other)| one / other).collect())
    }
}

/// Races contenders over interleaved rounds. A round runs every contender for about `slice`, or once
/// where that takes longer.
pub fn race(contenders: &mut [Contender<'_>], rounds: usize, slice: Duration) -> Samples {
    let timed = |contender: &mut Contender<'_>, count: u32| {
        let start = Instant::now();
        (0..count).for_each(|_| (contender.run)());
        start.elapsed()
    };
    let batch: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            let mut count = 1_u32;
            // The shortest of a few: who was interrupted would be given too small a batch.
            while count < 1 << 24 && (0..4).map(|_| timed(contender, count)).min() < Some(slice / 2)
            {
                count *= 2;
            }
            count
        })
        .collect();
    let slices =
        contenders.iter_mut().zip(&batch).map(|(contender, &count)| timed(contender, count));
    let longest = slices.max().unwrap_or(slice).max(slice);
    let rounds = rounds.min((LONG_ENOUGH.as_nanos() / longest.as_nanos()) as usize).max(101);
    let mut samples: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            let spent = timed(contender, batch[index]);
            samples[index].push(spent.as_nanos() as f64 / f64::from(batch[index]));
        }
    }
    Samples(samples)
}

/// What one thread does, made anew for each thread.
pub type Work = Box<dyn FnMut() + Send>;

/// What a second thread adds: work done in a time by two threads to that by one, for each of two kinds of
/// work, and the ratio of the first to the second; medians of interleaved rounds.
pub fn second_thread(
    mut ours: impl FnMut() -> Work,
    mut floor: impl FnMut() -> Work,
    rounds: usize,
) -> (f64, f64, f64) {
    let mut kinds = [[ours(), ours()], [floor(), floor()]].map(|pair| (pair, 1_u32));
    for (pair, count) in &mut kinds {
        while by_threads(&mut pair[..1], *count) < Duration::from_millis(2) {
            *count *= 2;
        }
    }
    let mut samples: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        let [one, two] = [1, 2].map(|threads| {
            let spent =
                kinds.each_mut().map(|(pair, count)| by_threads(&mut pair[..threads], *count));
            spent.map(|spent| spent.as_secs_f64())
        });
        let gains = [2.0 * one[0] / two[0], 2.0 * one[1] / two[1]];
        for (samples, value) in samples.iter_mut().zip([gains[0], gains[1], gains[0] / gains[1]]) {
            samples.push(value);
        }
    }
    let [ours, floor, ratio] = samples.map(median);
    (ours, floor, ratio)
}

/// How long it takes when each thread does its work `count` times.
fn by_threads(work: &mut [Work], count: u32) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for run in work {
            scope.spawn(move || (0..count).for_each(|_| run()));
        }
    });
    start.elapsed()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Counts what is allocated while somebody looks; the bench runs one contender at a time.
pub struct Counting;

/// Whether somebody looks: a load and a branch are all that allocating costs while nobody does.
static LOOKING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// What was allocated and not given back; below zero where more is given back than was taken.
static HELD: AtomicI64 = AtomicI64::new(0);

fn count(allocations: u64, taken: usize, given_back: usize) {
    if LOOKING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Ordering::Relaxed);
        HELD.fetch_add(taken as i64 - given_back as i64, Ordering::Relaxed);
    }
}

// SAFETY: passes every call on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Allocations and reallocations of one run, the least of several.
pub fn allocations<T>(mut run: impl FnMut() -> T) -> f64 {
    (0..5)
        .map(|_| {
            ALLOCATIONS.store(0, Ordering::Relaxed);
            LOOKING.store(true, Ordering::Relaxed);
            drop(black_box(run()));
            LOOKING.store(false, Ordering::Relaxed);
            ALLOCATIONS.load(Ordering::Relaxed)
        })
        .min()
        .map_or(f64::NAN, |count| count as f64)
}

/// What `make` makes, and the bytes that it left allocated, the value's own size among them.
pub fn held<T>(make: impl FnOnce() -> T) -> (T, f64) {
    HELD.store(0, Ordering::Relaxed);
    LOOKING.store(true, Ordering::Relaxed);
    let made = make();
    LOOKING.store(false, Ordering::Relaxed);
    (made, HELD.load(Ordering::Relaxed) as f64 + size_of::<T>() as f64)
}
