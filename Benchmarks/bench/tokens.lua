-- wrk: every request carries the next token of a file.
local tokens, next = {}, 0
function init(arguments)
    for line in io.lines(arguments[1]) do
        tokens[#tokens + 1] = wrk.format("GET", nil, {["authorization"] = "Bearer " .. line})
    end
end
function request()
    next = next % #tokens + 1
    return tokens[next]
end
