import Glibc

extension MetricsRegistry {
    /// Adds the kernel's figures of this process under the names of the Prometheus client guidelines:
    /// `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`,
    /// `process_max_fds`, `process_threads` and `process_start_time_seconds`.
    ///
    /// They are read from `/proc/self` and `getrusage` at each scrape; a figure that cannot be read is left out.
    public func collectProcessMetrics() {
        collect { metrics in
            ProcessUsage.collect(into: &metrics)
        }
    }
}

/// What Linux says about this process (`proc(5)`).
enum ProcessUsage {
    static func collect(into metrics: inout CollectedMetrics) {
        if let seconds = cpuSeconds() {
            metrics.counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.", value: seconds)
        }
        if let count = openDescriptors() {
            metrics.gauge("process_open_fds", "Open file descriptors.", value: Double(count))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            metrics.gauge("process_max_fds", "Most file descriptors that may be open.", value: Double(limit.rlim_cur))
        }
        guard let status = readFile("/proc/self/stat").flatMap(Status.init) else { return }
        let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
        metrics.gauge(
            "process_resident_memory_bytes", "Resident memory.", value: Double(status.residentPages) * pageSize)
        metrics.gauge("process_virtual_memory_bytes", "Virtual memory.", value: Double(status.virtualBytes))
        metrics.gauge("process_threads", "Threads.", value: Double(status.threads))
        if let bootTime {
            let sinceBoot = Double(status.startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))
            metrics.gauge(
                "process_start_time_seconds", "When the process began, in seconds since 1970.",
                value: bootTime + sinceBoot)
        }
    }

    /// The fields of `/proc/self/stat` that we report. The command's name may hold spaces and parentheses, so fields are
    /// counted from its last closing one.
    struct Status {
        let threads: UInt64
        let startTicks: UInt64
        let virtualBytes: UInt64
        let residentPages: UInt64

        init?(_ text: String) {
            guard let end = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 21, let threads = UInt64(fields[17]), let startTicks = UInt64(fields[19]),
                let virtualBytes = UInt64(fields[20]), let residentPages = UInt64(fields[21])
            else { return nil }
            self.threads = threads
            self.startTicks = startTicks
            self.virtualBytes = virtualBytes
            self.residentPages = residentPages
        }
    }

    /// Seconds since 1970 at which the machine booted.
    private static let bootTime: Double? = readFile("/proc/stat").flatMap { text in
        text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    private static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil {
            count += 1
        }
        // "." and "..", and the descriptor that reads the directory.
        return max(0, count - 3)
    }

    /// A file of `/proc`, at most 1 MiB of it.
    private static func readFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while content.count < 1 << 20 {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            content.append(contentsOf: buffer[..<count])
        }
        return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
    }
}
