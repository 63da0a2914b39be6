//! What is behind a lock, whoever panicked while holding it: here it is names, counts and notes, good as they stand.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
