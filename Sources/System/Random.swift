import CSystem

#if hasFeature(Embedded)
/// Hashing takes its seed from this BSD function, which glibc has only since 2.36 and musl not at all; the library brings its
/// own over the kernel's source, so that it runs with any libc.
@c(arc4random_buf)
public func randomBytes(_ buffer: UnsafeMutableRawPointer?, _ count: Int) {
  var done = 0
  while let buffer, done < count {
    // At most 256 bytes at once are never cut short by a signal.
    if getentropy(buffer + done, min(count - done, 256)) != 0 { return }
    done += 256
  }
}
#endif
