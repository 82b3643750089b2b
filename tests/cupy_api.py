"""What CuPy 14 has of NumPy: functions by their NumPy names, and methods of arrays, with CuPy's parameters; ufuncs without any.

Read from the wheel cupy-cuda12x 14.0 (names and parameters only). The duck arrays of the tests know exactly these, so a row
that needs anything else fails in CI, without a GPU.
"""

from __future__ import annotations

_SPACES = {
    "": """
        absolute add all(a,axis,out,keepdims) allclose(a,b,rtol,atol,equal_nan) amax(a,axis,out,keepdims)
        amin(a,axis,out,keepdims) angle(z,deg) any(a,axis,out,keepdims) append(arr,values,axis)
        apply_along_axis(func1d,axis,arr,*args,**) apply_over_axes(func,a,axes) arange(start,stop,step,dtype) arccos arccosh
        arcsin arcsinh arctan arctan2 arctanh argmax(a,axis,dtype,out,keepdims) argmin(a,axis,dtype,out,keepdims)
        argpartition(a,kth,axis) argsort(a,axis,kind) argwhere(a) around(a,decimals,out)
        array(obj,dtype,copy,order,subok,ndmin,*,blocking) array2string(a,*args,**) array_equal(a1,a2,equal_nan)
        array_equiv(a1,a2) array_repr(arr,max_line_width,precision,suppress_small) array_split(ary,indices_or_sections,axis)
        array_str(arr,max_line_width,precision,suppress_small) asanyarray(a,dtype,order,*,copy,blocking)
        asarray(a,dtype,order,*,copy,blocking) ascontiguousarray(a,dtype) asfortranarray(a,dtype) astype(x,dtype,*,copy)
        atleast_1d(*arys) atleast_2d(*arys) atleast_3d(*arys) average(a,axis,weights,returned,*,keepdims)
        bincount(x,weights,minlength) bitwise_and bitwise_count bitwise_or bitwise_xor broadcast_arrays(*args) broadcast_shapes
        broadcast_to(array,shape) can_cast(from_,to,casting) cbrt ceil choose(a,choices,out,mode) clip(a,a_min,a_max,out)
        column_stack(tup) common_type(*arrays) compress(condition,a,axis,out) concatenate(tup,axis,out,*,dtype,casting)
        conjugate convolve(a,v,mode) copy(a,order) copysign copyto(dst,src,casting,where) corrcoef(a,y,rowvar,bias,ddof,*,dtype)
        correlate(a,v,mode) cos cosh count_nonzero(a,axis) cov(a,y,rowvar,bias,ddof,fweights,aweights,*,dtype)
        cross(a,b,axisa,axisb,axisc,axis) cumprod(a,axis,dtype,out) cumsum(a,axis,dtype,out) deg2rad degrees
        delete(arr,indices,axis) diag(v,k) diag_indices_from(arr) diagflat(v,k) diagonal(a,offset,axis1,axis2)
        diff(a,n,axis,prepend,append) digitize(x,bins,right) divide divmod dot(a,b,out) dsplit(ary,indices_or_sections)
        dstack(tup) ediff1d(arr,to_end,to_begin) einsum(*operands,**) empty(shape,dtype,order)
        empty_like(prototype,dtype,order,subok,shape) exp exp2 expand_dims(a,axis) expm1 extract(condition,a)
        eye(N,M,k,dtype,order) fabs fill_diagonal(a,val,wrap) fix flatnonzero(a) flip(a,axis) fliplr(a) flipud(a) float_power
        floor floor_divide fmax fmin fmod frexp full(shape,fill_value,dtype,order)
        full_like(a,fill_value,dtype,order,subok,shape) gcd gradient(f,*varargs,axis,edge_order) heaviside
        histogram(x,bins,range,density,weights) histogram2d(x,y,bins,range,weights,density)
        histogramdd(sample,bins,range,weights,density) hsplit(ary,indices_or_sections) hstack(tup,*,dtype,casting) hypot i0
        identity(n,dtype) imag(val) indices(dimensions,dtype) inner(a,b) interp(x,xp,fp,left,right,period)
        intersect1d(arr1,arr2,assume_unique,return_indices) invert isclose(a,b,rtol,atol,equal_nan) iscomplex(x) iscomplexobj(x)
        isfinite isfortran(a) isin(element,test_elements,assume_unique,invert) isinf isnan isneginf(x,out) isposinf(x,out)
        isreal(x) isrealobj(x) isscalar(element) issubdtype ix_(*args) kron(a,b) lcm ldexp left_shift lexsort(keys)
        linspace(start,stop,num,endpoint,retstep,dtype,axis) log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not
        logical_or logical_xor logspace(start,stop,num,endpoint,base,dtype,axis) matmul max(a,axis,out,keepdims) maximum
        may_share_memory(a,b,max_work) mean(a,axis,dtype,out,keepdims) median(a,axis,out,overwrite_input,keepdims)
        meshgrid(*xi,**) min(a,axis,out,keepdims) min_scalar_type minimum modf moveaxis(a,source,destination) multiply
        nan_to_num(x,copy,nan,posinf,neginf) nanargmax(a,axis,dtype,out,keepdims) nanargmin(a,axis,dtype,out,keepdims)
        nancumprod(a,axis,dtype,out) nancumsum(a,axis,dtype,out) nanmax(a,axis,out,keepdims) nanmean(a,axis,dtype,out,keepdims)
        nanmedian(a,axis,out,overwrite_input,keepdims) nanmin(a,axis,out,keepdims) nanprod(a,axis,dtype,out,keepdims)
        nanstd(a,axis,dtype,out,ddof,keepdims) nansum(a,axis,dtype,out,keepdims) nanvar(a,axis,dtype,out,ddof,keepdims) ndim(a)
        negative nextafter nonzero(a) ones(shape,dtype,order) ones_like(a,dtype,order,subok,shape) outer(a,b,out)
        pad(array,pad_width,mode,**) partition(a,kth,axis)
        percentile(a,q,axis,out,overwrite_input,method,keepdims,*,interpolation) piecewise(x,condlist,funclist)
        place(arr,mask,vals) polyval(p,x) positive power prod(a,axis,dtype,out,keepdims) promote_types ptp(a,axis,out,keepdims)
        put(a,ind,v,mode) put_along_axis(arr,indices,values,axis) putmask(a,mask,values)
        quantile(a,q,axis,out,overwrite_input,method,keepdims,*,interpolation) rad2deg radians ravel(a,order)
        ravel_multi_index(multi_index,dims,mode,order) real(val) real_if_close(a,tol) reciprocal remainder
        repeat(a,repeats,axis) reshape(a,newshape,order) resize(a,new_shape) result_type(*arrays_and_dtypes) right_shift rint
        roll(a,shift,axis) rollaxis(a,axis,start) rot90(a,k,axes) round(a,decimals,out) row_stack(tup,*,dtype,casting)
        searchsorted(a,v,side,sorter) select(condlist,choicelist,default) setdiff1d(ar1,ar2,assume_unique)
        setxor1d(ar1,ar2,assume_unique) shape(a) shares_memory(a,b,max_work) sign signbit sin sinc sinh size sort(a,axis,kind)
        sort_complex(a) split(ary,indices_or_sections,axis) sqrt square squeeze(a,axis) stack(tup,axis,out,*,dtype,casting)
        std(a,axis,dtype,out,ddof,keepdims) subtract sum(a,axis,dtype,out,keepdims) swapaxes(a,axis1,axis2)
        take(a,indices,axis,out) take_along_axis(a,indices,axis) tan tanh tensordot(a,b,axes) tile(A,reps)
        trace(a,offset,axis1,axis2,dtype,out) transpose(a,axes) trapezoid(y,x,dx,axis) tri(N,M,k,dtype) tril(m,k)
        tril_indices_from(arr,k) trim_zeros(filt,trim) triu(m,k) triu_indices_from(arr,k) trunc union1d(arr1,arr2)
        unique(ar,return_index,return_inverse,return_counts,axis,*,equal_nan) unique_all(x) unique_counts(x) unique_inverse(x)
        unique_values(x) unravel_index(indices,dims,order) unwrap(p,discont,axis,*,period) vander(x,N,increasing)
        var(a,axis,dtype,out,ddof,keepdims) vdot(a,b) vsplit(ary,indices_or_sections) vstack(tup,*,dtype,casting)
        where(condition,x,y) zeros(shape,dtype,order) zeros_like(a,dtype,order,subok,shape)
    """,
    "linalg": """
        cholesky(a) cond(x,p) cross(x1,x2,*,axis) det(a) eig(a) eigh(a,UPLO) eigvals(a) eigvalsh(a,UPLO) inv(a) lstsq(a,b,rcond)
        matrix_power(M,n) matrix_rank(M,tol) norm(x,ord,axis,keepdims) pinv(a,rcond) qr(a,mode) slogdet(a) solve(a,b)
        svd(a,full_matrices,compute_uv) tensorinv(a,ind) tensorsolve(a,b,axes)
    """,
    "fft": """
        fft(a,n,axis,norm) fft2(a,s,axes,norm) fftfreq(n,d) fftn(a,s,axes,norm) fftshift(x,axes) hfft(a,n,axis,norm)
        ifft(a,n,axis,norm) ifft2(a,s,axes,norm) ifftn(a,s,axes,norm) ifftshift(x,axes) ihfft(a,n,axis,norm)
        irfft(a,n,axis,norm) irfft2(a,s,axes,norm) irfftn(a,s,axes,norm) rfft(a,n,axis,norm) rfft2(a,s,axes,norm) rfftfreq(n,d)
        rfftn(a,s,axes,norm)
    """,
    "lib.stride_tricks": """
        as_strided(x,shape,strides) sliding_window_view(x,window_shape,axis,*,subok,writeable)
    """,
}

_METHODS = """
    all(axis,out,keepdims) any(axis,out,keepdims) argmax(axis,out,dtype,keepdims) argmin(axis,out,dtype,keepdims)
    argpartition(kth,axis) argsort(axis,kind) choose(choices,out,mode) clip(min,max,out) compress(condition,axis,out)
    conj() conjugate() cumprod(axis,dtype,out) cumsum(axis,dtype,out) diagonal(offset,axis1,axis2) dot(b,out)
    fill(value) flatten(order) max(axis,out,keepdims) mean(axis,dtype,out,keepdims) min(axis,out,keepdims) nonzero()
    partition(kth,axis) prod(axis,dtype,out,keepdims) ptp(axis,out,keepdims) put(indices,values,mode) ravel(order)
    repeat(repeats,axis) reshape(*shape,order) round(decimals,out) searchsorted(v,side,sorter) sort(axis,kind)
    squeeze(axis) std(axis,dtype,out,ddof,keepdims) sum(axis,dtype,out,keepdims) swapaxes(axis1,axis2)
    take(indices,axis,out) trace(offset,axis1,axis2,dtype,out) transpose(*axes) var(axis,dtype,out,ddof,keepdims)
"""

ATTRIBUTES = {"T", "dtype", "imag", "itemsize", "nbytes", "ndim", "real", "shape", "size", "strides"}
# methods of its ufuncs, and which ufuncs have them (None: all)
UFUNC_METHODS: dict[str, set[str] | None] = {
    "__call__": None,
    "outer": None,
    "at": {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"},
    "reduce": {"add", "multiply"},
    "accumulate": {"add", "multiply"},
    "reduceat": {"add"},
}

Parameters = tuple[int, set[str] | None] | None  # how many may be positional, and the keywords; None: any


def _parsed(entry: str) -> tuple[str, Parameters]:
    name, bracket, rest = entry.partition("(")
    if not bracket:
        return name, None
    parts = [part for part in rest.removesuffix(")").split(",") if part]
    names = [part for part in parts if not part.startswith("*")]
    star = next((k for k, part in enumerate(parts) if part.startswith("*") and part != "**"), None)
    positional = len(names) if star is None else star if parts[star] == "*" else 10**6
    return name, (positional, None if "**" in parts else set(names))


FUNCTIONS: dict[str, Parameters] = {
    f"{space}.{name}".lstrip("."): parameters
    for space, text in _SPACES.items()
    for name, parameters in map(_parsed, text.split())
}
METHODS: dict[str, Parameters] = dict(map(_parsed, _METHODS.split()))


def check_arguments(name: str, parameters: Parameters, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Raise, as Python would, for arguments that CuPy does not take."""
    if parameters is None:
        return
    positional, keywords = parameters
    unknown = set() if keywords is None else kwargs.keys() - keywords
    if len(args) > positional or unknown:
        raise TypeError(
            f"{name}() takes {positional} positional arguments but got {len(args)}, and unknown ones: {sorted(unknown)}"
        )


# rows that NumPy defines and CuPy does not: the GPU's threads write in any order
UNDEFINED = dict.fromkeys(
    ("setitem_repeated", "put_along_axis", "put_along_axis_flat"),
    "which of several values assigned to one element stays is not defined by CuPy",
)
