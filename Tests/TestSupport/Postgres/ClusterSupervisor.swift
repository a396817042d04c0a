import Dispatch
import Glibc

/// The shell that runs `initdb` and `pg_ctl`, as the user `postgres` when we are root (the server refuses root).
final class ClusterSupervisor: Sendable {
    /// Short, because the path of a socket has at most 107 bytes.
    let directory: String
    let port: Int

    private let socket: Int32
    private let process: pid_t
    /// One command at a time, off the threads that run tasks.
    private let queue = DispatchQueue(label: "postgres-supervisor")

    /// Durability is of no use here, and a deadlock is to be found fast.
    private static let settings = [
        "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
        "max_connections=500", "shared_buffers=32MB", "deadlock_timeout=100ms", "jit=off", "autovacuum=off",
        "listen_addresses=127.0.0.1", "ssl=on",
    ]

    /// Reads one word per line, does it, answers with its exit status. At the end of its input it cleans up.
    private static let script = """
        directory=$1; options=$2
        stop() { pg_ctl -D "$directory/data" -w -m "$1" stop >>"$directory/control.log" 2>&1; }
        while read -r word; do
            case $word in
            init)
                {
                    initdb -D "$directory/data" -U postgres -E UTF8 --locale=C.UTF-8 --no-sync --auth-local=trust \\
                        --auth-host=scram-sha-256 &&
                    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \\
                        -addext subjectAltName=DNS:localhost -keyout "$directory/data/server.key" \\
                        -out "$directory/data/server.crt"
                } >>"$directory/control.log" 2>&1 ;;
            start) pg_ctl -D "$directory/data" -w -t 30 -l "$directory/server.log" -o "$options" start \\
                    >>"$directory/control.log" 2>&1 ;;
            *) stop "$word" ;;
            esac
            echo $?
        done
        stop immediate
        cd / && rm -rf "$directory"
        """

    /// Beyond what a test process has open.
    private static let descriptorLimit: Int32 = 1_024

    init() throws {
        let programs = try Self.findPrograms()
        port = try FreePorts.next()
        directory = try Self.makeDirectory()
        var sockets: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &sockets) == 0 else {
            throw TestSupportError("socketpair failed: \(errno)")
        }
        defer { close(sockets[1]) }
        socket = sockets[0]
        let options = Self.settings.map { "-c \($0)" }.joined(separator: " ") + " -p \(port) -k \(directory)"
        let shell = ["/bin/sh", "-c", Self.script, "sh", directory, options]
        let asUser = geteuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] : []
        // A session of its own, so that Ctrl-C reaches us and not it.
        let command = ["/usr/bin/setsid"] + asUser + shell
        let environment = ["PATH=\(programs):/usr/bin:/bin", "LC_ALL=C.UTF-8"]
        process = try Self.spawn(command, environment: environment, input: sockets[1])
    }

    /// Has one word done.
    ///
    /// - Throws: if it failed, with the log.
    func tell(_ word: String) async throws {
        let answer = await withCheckedContinuation { continuation in
            queue.async { [self] in continuation.resume(returning: ask(word)) }
        }
        guard answer == "0" else {
            throw TestSupportError("postgres: \(word) failed (\(answer ?? "no answer")); see \(directory)/*.log")
        }
    }

    /// Ends the server and the shell, and removes the directory.
    func end() async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                shutdown(socket, Int32(SHUT_WR))
                var status: Int32 = 0
                waitpid(process, &status, 0)
                continuation.resume()
            }
        }
    }

    private func ask(_ word: String) -> String? {
        let line = Array("\(word)\n".utf8)
        guard send(socket, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else { return nil }
        var answer: [UInt8] = []
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, 0) == 1, byte != UInt8(ascii: "\n") { answer.append(byte) }
        return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
    }

    // MARK: - Making

    /// The directory of the newest server programs that Debian has installed.
    private static func findPrograms() throws -> String {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob("/usr/lib/postgresql/*/bin/initdb", 0, nil, &found) == 0, let paths = found.gl_pathv else {
            throw TestSupportError("no Postgres server is installed; scripts/bootstrap installs it")
        }
        let programs = (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
        let newest = programs.max { version(of: $0) < version(of: $1) } ?? ""
        return String(newest.dropLast("/initdb".count))
    }

    private static func version(of path: String) -> Int {
        path.split(separator: "/").compactMap { Int($0) }.first ?? 0
    }

    private static func makeDirectory() throws -> String {
        var template = Array("/tmp/ghpg.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestSupportError("mkdtemp failed: \(errno)") }
        let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        if geteuid() == 0 {
            guard let user = getpwnam("postgres") else { throw TestSupportError("there is no user postgres") }
            guard chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw TestSupportError("chown failed: \(errno)")
            }
        }
        return path
    }

    /// Starts a program whose input and output are the socket.
    private static func spawn(_ command: [String], environment: [String], input: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, input, 1)
        // Not ours: whoever reads what the tests print would wait for the shell too.
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // Nor are the descriptors that a test has open without CLOEXEC: the end of its pipes would not be seen.
        for descriptor in 3..<Self.descriptorLimit { posix_spawn_file_actions_addclose(&actions, descriptor) }
        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var process = pid_t()
        let failure = posix_spawn(&process, command[0], &actions, nil, arguments, variables)
        guard failure == 0 else { throw TestSupportError("\(command[0]) did not start: \(failure)") }
        return process
    }
}
