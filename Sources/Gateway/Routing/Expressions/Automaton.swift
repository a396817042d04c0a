/// A deterministic automaton: for each state and class of bytes the next state (the subset construction).
struct Automaton: Sendable {
    /// Beyond it an expression is run as a program. A path or a header value of everyday needs tens.
    static let stateLimit = 1_000
    /// States times classes: 128 KiB of table for one expression.
    private static let tableLimit = 65_536

    private let classes: [UInt8]
    private let classCount: Int
    private var table: [UInt16] = []
    private var accepting: [Bool] = []
    /// No text leads out of it.
    private static let dead: UInt16 = 0

    /// - Returns: nil when it would be larger than the limits.
    init?(_ program: ExpressionProgram) {
        (classes, classCount) = Self.classes(of: program)
        var threads = ExpressionProgram.Threads(count: program.instructions.count)
        threads.clear()
        threads.add(program.first, of: program, atStart: true)
        // State 0 is dead, state 1 the beginning.
        var sets: [[Int]] = [[], threads.waiting.sorted()]
        var numbers: [[Int]: UInt16] = [[]: 0]
        var representatives = Array(repeating: UInt8(0), count: classCount)
        for byte in UInt8.min...UInt8.max { representatives[Int(classes[Int(byte)])] = byte }
        table = Array(repeating: 0, count: classCount)
        accepting = [false]
        var state = 1
        while state < sets.count {
            accepting.append(program.accepts(sets[state], atStart: state == 1))
            for representative in representatives {
                threads.clear()
                for index in sets[state] {
                    if case .bytes(let set, let next) = program.instructions[index], set.contains(representative) {
                        threads.add(next, of: program, atStart: false)
                    }
                }
                let reached = threads.waiting.sorted()
                if let known = numbers[reached] {
                    table.append(known)
                    continue
                }
                guard sets.count < Self.stateLimit, (sets.count + 1) * classCount <= Self.tableLimit else { return nil }
                numbers[reached] = UInt16(sets.count)
                table.append(UInt16(sets.count))
                sets.append(reached)
            }
            state += 1
        }
    }

    func accepts(_ bytes: Span<UInt8>) -> Bool {
        var state: UInt16 = 1
        for index in bytes.indices {
            state = table[Int(state) * classCount + Int(classes[Int(bytes[index])])]
            if state == Self.dead { return false }
        }
        return accepting[Int(state)]
    }

    /// One of the shortest texts that it accepts.
    var example: [UInt8]? {
        let preferred = Array("ax1/-_.~ ".utf8) + Array(UInt8(0x21)...0x7e)
        let bytes = (0..<classCount).map { number in
            preferred.first { classes[Int($0)] == number } ?? UInt8(classes.firstIndex(of: UInt8(number)) ?? 0)
        }
        var found: [Int: [UInt8]] = [1: []]
        var waiting = [1]
        var next = 0
        while next < waiting.count {
            let state = waiting[next]
            next += 1
            let text = found[state] ?? []
            if accepting[state] { return text }
            for number in 0..<classCount {
                let reached = Int(table[state * classCount + number])
                guard reached != Int(Self.dead), found[reached] == nil else { continue }
                found[reached] = text + [bytes[number]]
                waiting.append(reached)
            }
        }
        return nil
    }

    /// Bytes that no part of the expression tells apart are of one class.
    private static func classes(of program: ExpressionProgram) -> (classes: [UInt8], count: Int) {
        var sets: Set<ByteClass> = []
        for case .bytes(let set, _) in program.instructions { sets.insert(set) }
        var classes = Array(repeating: 0, count: 256)
        var count = 1
        for set in sets {
            var moved: [Int: Int] = [:]
            for byte in 0..<256 where set.contains(UInt8(byte)) {
                let old = classes[byte]
                if moved[old] == nil {
                    moved[old] = count
                    count += 1
                }
                classes[byte] = moved[old] ?? 0
            }
            // Some classes were taken over whole: numbers stay dense.
            var dense: [Int: Int] = [:]
            for byte in 0..<256 {
                let number = dense[classes[byte]] ?? dense.count
                dense[classes[byte]] = number
                classes[byte] = number
            }
            count = dense.count
        }
        return (classes.map { UInt8($0) }, count)
    }
}
