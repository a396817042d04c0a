import Glibc

/// How many descriptors this process may have open (RLIMIT_NOFILE, getrlimit(2)).
public enum DescriptorLimit {
    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: the limit in force; 1,024 when it cannot be known.
    public static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            let wanted = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            var next = wanted
            // Refused only where the system's own bound is lower; then the soft limit stays as it is.
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &next) == 0 { limit = wanted }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
